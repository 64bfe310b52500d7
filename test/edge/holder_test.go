package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// tunnel is one open WebSocket.
type tunnel struct {
	room  string
	shard string
	conn  net.Conn
	from  *bufio.Reader
}

// held is what a holder answers: how many WebSockets are alive, and on which shard each room's is.
type held struct {
	Alive  int               `json:"alive"`
	Shards map[string]string `json:"shards,omitempty"`
	Why    string            `json:"why,omitempty"` // of the first that is not alive
}

const roomPrefix = "socket"

// holdOpen opens as many WebSockets as the first line of in says, each for a room of its own, through doors in turn. To
// each further line it answers how many are alive: a message goes to the shard through every one, and comes back.
func holdOpen(doors string, in io.Reader, out io.Writer) error {
	orders := bufio.NewScanner(in)
	var tunnels []*tunnel
	answers := json.NewEncoder(out)
	for orders.Scan() {
		var count int
		if n, err := fmt.Sscan(orders.Text(), &count); n != 1 || err != nil {
			return fmt.Errorf("the holder got no number: %w", err)
		}
		report := held{Shards: map[string]string{}}
		opened, err := openAll(strings.Split(doors, ","), len(tunnels), count)
		if err != nil {
			report.Why = err.Error()
		}
		tunnels = append(tunnels, opened...)
		for _, s := range opened {
			report.Shards[s.room] = s.shard
		}
		var mu sync.Mutex
		each(tunnels, 64, func(s *tunnel) {
			err := s.echo()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				report.Alive++
			} else if report.Why == "" {
				report.Why = s.room + ": " + err.Error()
			}
		})
		if err := answers.Encode(report); err != nil {
			return err
		}
	}
	return orders.Err()
}

func openAll(doors []string, first, count int) ([]*tunnel, error) {
	numbers := make([]int, count)
	for i := range numbers {
		numbers[i] = first + i
	}
	var mu sync.Mutex
	var tunnels []*tunnel
	var errs error
	each(numbers, 64, func(i int) {
		s, err := open(doors[i%len(doors)], fmt.Sprintf("%s-%d", roomPrefix, i))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = err
			return
		}
		tunnels = append(tunnels, s)
	})
	return tunnels, errs
}

// open makes a WebSocket as a browser does.
func open(door, room string) (*tunnel, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	conn, err := dial(ctx, door)
	if err != nil {
		return nil, err
	}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	_, err = io.WriteString(conn, "GET /xmpp-websocket?room="+room+" HTTP/1.1\r\nHost: meet.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: "+key+"\r\n\r\n")
	if err != nil {
		return nil, err
	}
	from := bufio.NewReaderSize(conn, 512)
	_ = conn.SetReadDeadline(time.Now().Add(answerTime))
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != accept(key) {
		return nil, errors.New("no WebSocket is opened: " + response.Status)
	}
	return &tunnel{room: room, shard: response.Header.Get(routing.ShardHeader), conn: conn, from: from}, nil
}

func (s *tunnel) echo() error {
	_ = s.conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := io.WriteString(s.conn, s.room+"\n"); err != nil {
		return err
	}
	line, err := s.from.ReadString('\n')
	if err == nil && line != s.room+"\n" {
		err = fmt.Errorf("another message came back: %q", line)
	}
	return err
}

// holder is a process that holds WebSockets: with the shards' ends they would be more than one process may have open.
type holder struct {
	t       *testing.T
	orders  io.Writer
	answers *json.Decoder
}

func (f *stage) newHolder(nodes ...*node) *holder {
	f.t.Helper()
	var doors []string
	for _, n := range nodes {
		doors = append(doors, n.door())
	}
	self, err := os.Executable()
	require.NoError(f.t, err)
	command := exec.Command(self, "-hold", strings.Join(doors, ","))
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := command.StdinPipe()
	require.NoError(f.t, err)
	out, err := command.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, command.Start())
	f.t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	return &holder{t: f.t, orders: in, answers: json.NewDecoder(out)}
}

// open opens more WebSockets, and counts all that are alive.
func (h *holder) open(more int) held {
	h.t.Helper()
	_, err := fmt.Fprintln(h.orders, more)
	require.NoError(h.t, err)
	var got held
	require.NoError(h.t, h.answers.Decode(&got))
	return got
}
