package page

import (
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// slotPicture is one HAProxy node, by its own statistics.
type slotPicture struct {
	Name     string          `json:"name"`
	Address  string          `json:"address"` // the slot's own, which each of its nodes takes over
	ID       string          `json:"id"`
	State    string          `json:"state"`   // Auto Scaling's word; empty without a node
	Answers  bool            `json:"answers"` // its statistics could be read
	Sessions int             `json:"sessions"`
	Servers  []serverPicture `json:"servers"`
}

// serverPicture is a shard as a HAProxy node sees it.
type serverPicture struct {
	Name   string `json:"name"`
	Status string `json:"status"` // HAProxy's word, such as "UP", "DRAIN (agent)" or "DOWN"
}

// slots reads the statistics of HAProxy nodes, of each slot at most once in slotsStep.
type slots struct {
	mu   sync.Mutex
	seen map[string]seenSlot
}

type seenSlot struct {
	slotPicture
	at time.Time
}

const (
	slotsStep    = time.Second
	slotsTimeout = 300 * time.Millisecond
)

// of is a slot's picture, at most slotsStep old, counted from 0.
func (s *slots) of(slot int, address string, instances []scaling.Instance) slotPicture {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := strconv.Itoa(slot + 1)
	name := "slot-" + number
	if one, known := s.seen[name]; known && time.Since(one.at) < slotsStep {
		return one.slotPicture
	}
	p := slotPicture{Name: name, Address: address, Servers: []serverPicture{}}
	for _, i := range instances {
		if i.Tags[fleet.TagRole] == string(fleet.RoleEdge) && strings.HasSuffix(i.Group, "-"+number) {
			p.ID, p.State = i.ID, i.State
		}
	}
	p.Answers = p.ask() == nil
	if s.seen == nil {
		s.seen = map[string]seenSlot{}
	}
	s.seen[name] = seenSlot{p, time.Now()}
	return p
}

// ask reads the node's statistics as CSV.
func (p *slotPicture) ask() error {
	ctx, cancel := context.WithTimeout(context.Background(), slotsTimeout)
	defer cancel()
	address := net.JoinHostPort(p.Address, strconv.Itoa(settings.StatsPort))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/;csv", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	rows, err := csv.NewReader(response.Body).ReadAll()
	if err != nil {
		return err
	}
	return p.read(rows)
}

// read finds the clients' sessions and the shards' states.
// https://docs.haproxy.org/2.6/management.html#9.1
func (p *slotPicture) read(rows [][]string) error {
	if len(rows) == 0 {
		return fmt.Errorf("the statistics of %s are empty", p.Address)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	const proxy, server, sessions, status = "# pxname", "svname", "scur", "status"
	for _, name := range []string{proxy, server, sessions, status} {
		if _, there := column[name]; !there {
			return fmt.Errorf("the statistics of %s have no column %s", p.Address, name)
		}
	}
	for _, row := range rows[1:] {
		switch in, of := row[column[proxy]], row[column[server]]; {
		case in == "clients" && of == "FRONTEND":
			p.Sessions, _ = strconv.Atoi(row[column[sessions]])
		case in == "rooms" && of != "BACKEND":
			p.Servers = append(p.Servers, serverPicture{of, row[column[status]]})
		}
	}
	return nil
}
