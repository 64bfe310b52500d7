// Package resolver is a VPC's DNS resolver: it answers for private hosted zones from their records.
//
// It must not know whose zones they are, and it answers for nothing else.
package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Zones is where records come from.
type Zones interface {
	// Addresses lists the A records of all private zones by name, in lower case, ending in a dot, and their
	// time to live in seconds.
	Addresses(ctx context.Context) (map[string]Record, error)
}

// Record is one A record set.
type Record struct {
	Addresses []netip.Addr
	TTL       uint32 // seconds
}

// fresh is how long records are used before they are read again: a change is seen within it.
const fresh = 500 * time.Millisecond

// Server answers over UDP and TCP at one address.
type Server struct {
	zones    Zones
	udp      net.PacketConn
	tcp      net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	wait     sync.WaitGroup
	problem  func(error)
	mu       sync.Mutex
	records  map[string]Record
	read     time.Time
	suffixes []string
}

// Listen starts a resolver at address, "127.16.0.2:53", for the zones with the given names. In a VPC it is the
// base of the network plus two.
// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
func Listen(address string, zones Zones, names []string, problem func(error)) (*Server, error) {
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("resolver cannot listen: %w", err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		_ = udp.Close()
		return nil, fmt.Errorf("resolver cannot listen: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{zones: zones, udp: udp, tcp: tcp, ctx: ctx, cancel: cancel, problem: problem}
	for _, name := range names {
		s.suffixes = append(s.suffixes, "."+strings.ToLower(strings.Trim(name, "."))+".")
	}
	s.wait.Go(s.serveUDP)
	s.wait.Go(s.serveTCP)
	return s, nil
}

// Addr is where the resolver listens.
func (s *Server) Addr() string { return s.udp.LocalAddr().String() }

// Close stops the resolver.
func (s *Server) Close() error {
	s.cancel()
	err := errors.Join(s.udp.Close(), s.tcp.Close())
	s.wait.Wait()
	return err
}

func (s *Server) serveUDP() {
	buffer := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer := s.answer(buffer[:n]); answer != nil {
			_, _ = s.udp.WriteTo(answer, from)
		}
	}
}

func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.wait.Go(func() { s.converse(conn) })
	}
}

// converse answers queries on one TCP connection, each after its length in two bytes.
func (s *Server) converse(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()
	for {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := s.answer(query)
		if answer == nil {
			return
		}
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(answer))) //nolint:gosec // a few addresses
		if _, err := conn.Write(append(framed, answer...)); err != nil {
			return
		}
	}
}

// answer is the answer to a query; nil when it cannot be read at all.
func (s *Server) answer(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil || header.Response {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true,
		RecursionDesired: header.RecursionDesired, RecursionAvailable: true}, Questions: []dnsmessage.Question{question}}
	name := strings.ToLower(question.Name.String())
	records, err := s.current()
	record, found := records[name]
	switch {
	case err != nil:
		s.problem(err)
		reply.RCode = dnsmessage.RCodeServerFailure
	case !s.holds(name):
		reply.RCode = dnsmessage.RCodeRefused
	case !found:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		for _, address := range record.Addresses {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name,
				Class: dnsmessage.ClassINET, TTL: record.TTL}, Body: &dnsmessage.AResource{A: address.As4()}})
		}
	}
	packed, err := reply.Pack()
	if err != nil {
		s.problem(fmt.Errorf("answer for %s cannot be packed: %w", name, err))
		return nil
	}
	return packed
}

func (s *Server) holds(name string) bool {
	for _, suffix := range s.suffixes {
		if strings.HasSuffix("."+name, suffix) {
			return true
		}
	}
	return false
}

// current is the records, read anew when they are not fresh. While moto is too busy to say, those that were read last are
// answered: the VPC's resolver never waits for Route 53's API.
func (s *Server) current() (map[string]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records != nil && time.Since(s.read) < fresh {
		return s.records, nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	records, err := s.zones.Addresses(ctx)
	if errors.Is(err, context.DeadlineExceeded) && s.records != nil {
		s.read = time.Now()
		return s.records, nil
	}
	if err != nil {
		return nil, fmt.Errorf("zones cannot be read: %w", err)
	}
	s.records, s.read = records, time.Now()
	return records, nil
}
