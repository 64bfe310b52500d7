package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Split is how many rooms two peered HAProxies sent to two shards when the first two users of each came at once, one
// through each of them.
type Split struct {
	Contender Contender `json:"contender"`
	Rooms     int       `json:"rooms"`
	AtFirst   int       `json:"atFirst"`
	// Later is how many of the rooms were split still, a tenth of a second after the last.
	Later int `json:"later"`
}

// join counts the split rooms of one contender.
func join(ctx context.Context, dir string, c Contender, index, rooms int) (Split, error) {
	var nodes []*Node
	defer func() {
		for _, n := range nodes {
			n.stop()
		}
	}()
	for self := range names {
		n, err := start(ctx, dir, "", Setting{Contender: c, Index: index, Self: self, Threads: 1, Table: 200_000})
		if err != nil {
			return Split{}, err
		}
		nodes = append(nodes, n)
	}
	if err := peered(ctx, nodes); err != nil {
		return Split{}, fmt.Errorf("%s: %w", c, err)
	}
	result := Split{Contender: c, Rooms: rooms}
	dice := rand.New(rand.NewPCG(1, 2))
	for room := range rooms {
		// Somebody else comes through one of the nodes, or nodes that take turns would agree by chance.
		if _, err := served(ctx, nodes[dice.IntN(len(nodes))], "other-"+strconv.Itoa(room)); err != nil {
			return Split{}, err
		}
		apart, err := together(ctx, nodes, "first-"+strconv.Itoa(room))
		if err != nil {
			return Split{}, err
		}
		result.AtFirst += apart
	}
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		return Split{}, ctx.Err()
	}
	for room := range rooms {
		apart, err := together(ctx, nodes, "first-"+strconv.Itoa(room))
		if err != nil {
			return Split{}, err
		}
		result.Later += apart
	}
	return result, nil
}

// peered waits until each node knows a room that only the other was asked for; plain round-robin knows none.
func peered(ctx context.Context, nodes []*Node) error {
	if nodes[0].setting.Contender == Plain {
		return nil
	}
	for i, n := range nodes {
		if _, err := served(ctx, n, "taught-"+strconv.Itoa(i)); err != nil {
			return err
		}
		other := nodes[len(nodes)-1-i]
		if err := other.await(ctx, func() bool { return other.knows(ctx, i+1) }); err != nil {
			return err
		}
	}
	return nil
}

// knows is whether a node's table of rooms has a number of entries, at least.
func (n *Node) knows(ctx context.Context, entries int) bool {
	answer, err := n.ask(ctx, "show table rooms")
	if err != nil {
		return false
	}
	var size, used int
	_, err = fmt.Sscanf(answer, "# table: rooms, type: string, size:%d, used:%d", &size, &used)
	return err == nil && used >= entries
}

// together asks all nodes for a room at once; 1 when they answer from different shards.
func together(ctx context.Context, nodes []*Node, room string) (int, error) {
	shard, failed := make([]string, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i, n := range nodes {
		all.Go(func() {
			<-begin
			shard[i], failed[i] = served(ctx, n, room)
		})
	}
	close(begin)
	all.Wait()
	for i := range nodes {
		if failed[i] != nil {
			return 0, failed[i]
		}
		if shard[i] != shard[0] {
			return 1, nil
		}
	}
	return 0, nil
}

// served is the shard that a node asks for a room.
func served(ctx context.Context, n *Node, room string) (string, error) {
	address := "http://" + net.JoinHostPort(n.setting.Address().String(), strconv.Itoa(clientPort)) + "/http-bind?room=" + room
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s does not answer: %w", n.setting.Contender, err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "", fmt.Errorf("%s does not answer: %w", n.setting.Contender, err)
	}
	shard := response.Header.Get("X-Served")
	if shard == "" {
		return "", fmt.Errorf("%s answered %s without a shard", n.setting.Contender, response.Status)
	}
	return shard, nil
}
