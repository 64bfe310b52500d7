package edge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// sizes are the numbers of nodes that a proof is run with.
func sizes() []int {
	if *long {
		return []int{2, 3, 4}
	}
	return []int{2}
}

func TestTenThousandRoomsJoinedAtOnceThroughDifferentNodesAreEachOnOneShard(t *testing.T) {
	for _, nodes := range sizes() {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			f := newStage(t, shape{nodes: nodes})
			const rooms = 10_000
			type join struct{ room, path string }
			var joins []join
			for i := range rooms {
				for _, path := range []string{"/config.js", "/conference-request/v1", "/http-bind"} {
					joins = append(joins, join{fmt.Sprintf("crowded-%d", i), path})
				}
			}
			rand.Shuffle(len(joins), func(i, j int) { joins[i], joins[j] = joins[j], joins[i] })
			book := newLedger()
			var next atomic.Int64
			began := time.Now()
			each(joins, 256, func(j join) {
				n := f.nodes[int(next.Add(1))%nodes]
				book.record(n, j.room, n.ask(context.Background(), n.keep, j.path+"?room="+j.room))
			})
			took := time.Since(began)
			page := book.pages[0]
			assert.Empty(t, page.split())
			assert.Empty(t, page.lost)
			require.Len(t, page.seen, rooms)

			share := map[string]int{}
			for _, shard := range page.last {
				share[shard]++
			}
			for _, s := range f.shards {
				assert.InDelta(t, rooms/len(f.shards), share[s.name], rooms/10, "%v", share)
			}
			for _, n := range f.nodes {
				await(t, 10*time.Second, n.name+" knows every room", func() bool { return n.rooms() == rooms })
			}
			figures.note("1. all at once", fmt.Sprintf("%d rooms, %d requests, %d nodes", rooms, len(joins), nodes),
				"%d split, %d requests lost, %d to %d rooms a shard, in %s", len(page.split()), len(page.lost), least(share), most(share), seconds(took))
		})
	}
}

func least(of map[string]int) int { return slices.Min(values(of)) }

func most(of map[string]int) int { return slices.Max(values(of)) }

func values(of map[string]int) []int {
	var all []int
	for _, n := range of {
		all = append(all, n)
	}
	return all
}

func TestTheFirstTwoUsersOfARoomThroughTwoNodesInTheSameMillisecondMeetAThousandTimes(t *testing.T) {
	for _, nodes := range sizes() {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			f := newStage(t, shape{nodes: nodes})
			const pairs = 1_000
			var split, far int
			var apart []time.Duration
			for i := range pairs {
				room := fmt.Sprintf("pair-%d", i)
				through := f.nodes[i%nodes:][:1]
				through = append(slices.Clone(through), f.nodes[(i+1)%nodes])
				var answers [2]answer
				var wait sync.WaitGroup
				begin := make(chan struct{})
				for k, n := range through {
					wait.Go(func() {
						<-begin
						answers[k] = n.ask(context.Background(), n.keep, signalling[i%len(signalling)]+"?room="+room)
					})
				}
				close(begin)
				wait.Wait()
				require.Equal(t, http.StatusOK, answers[0].status)
				require.Equal(t, http.StatusOK, answers[1].status)
				if answers[0].shard != answers[1].shard {
					split++
				}
				d := answers[0].sent.Sub(answers[1].sent).Abs()
				apart = append(apart, d)
				if d >= time.Millisecond {
					far++
				}
			}
			assert.Zero(t, split)
			assert.Less(t, far, pairs/10, "the requests are sent in the same millisecond")
			for i := range pairs {
				key := routing.Key("", fmt.Sprintf("pair-%d", i))
				for _, n := range f.nodes[1:] {
					require.Equal(t, f.nodes[0].where(key), n.where(key))
				}
			}
			slices.Sort(apart)
			figures.note("2. two at once", fmt.Sprintf("%d rooms, the first two users through two of %d nodes", pairs, nodes),
				"%d split; sent %d us apart in the median, %d pairs more than 1 ms", split, apart[pairs/2].Microseconds(), far)
		})
	}
}
