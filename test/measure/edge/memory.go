package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// Memory is what a filled stick table costs one HAProxy.
type Memory struct {
	Rooms int `json:"rooms"`
	// Bytes is by how much the process's resident memory grew.
	Bytes int64 `json:"bytes"`
	// PerRoom is Bytes for one room.
	PerRoom float64 `json:"perRoom"`
}

// commandsAtOnce are given in one line to the admin socket, which takes 16 kB.
const commandsAtOnce = 100

// remember fills a fresh node's table with rooms, over its admin socket, and returns what each number of them cost.
// The entries have the keys and the fields that a user's request leaves there.
func remember(ctx context.Context, dir string, numbers []int) ([]Memory, error) {
	last := numbers[len(numbers)-1]
	n, err := start(ctx, dir, "", Setting{Contender: Ours, Threads: 1, Table: last})
	if err != nil {
		return nil, err
	}
	defer n.stop()
	before, err := n.resident()
	if err != nil {
		return nil, err
	}
	var found []Memory
	room := 0
	for _, number := range numbers {
		for room < number {
			var commands []string
			for range min(commandsAtOnce, number-room) {
				room++
				commands = append(commands, fmt.Sprintf("set table rooms key %s data.server_id %d", routing.Key("", strconv.Itoa(room)), 1+room%len(shards)))
			}
			if answer, err := n.ask(ctx, commands...); err != nil || len(answer) > len(commands)*2 {
				return nil, fmt.Errorf("the table is not filled: %q: %w", answer, err)
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		after, err := n.resident()
		if err != nil {
			return nil, err
		}
		found = append(found, Memory{Rooms: number, Bytes: after - before, PerRoom: float64(after-before) / float64(number)})
	}
	return found, nil
}
