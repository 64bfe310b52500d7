package cloud

import (
	"net/http"
	"strings"
	"sync"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
)

// turns lets the calls of several sides through one at a time, in an order of sides, of which each is one letter. The
// turns of a side that has ended are passed over; when the order is over, the calls come as they come.
type turns struct {
	state awscloud.State

	mu    sync.Mutex
	moved *sync.Cond
	order string
	ended map[byte]bool
}

func newTurns(s awscloud.State, order string) *turns {
	t := &turns{state: s, order: order, ended: map[byte]bool{}}
	t.moved = sync.NewCond(&t.mu)
	return t
}

// side is a side with a client whose calls wait for its turns.
func (t *turns) side(letter byte) side {
	return side{
		State: through(func(r *http.Request) (*http.Response, error) { return t.call(letter, r) }, t.state),
		done:  func() { t.end(letter) },
	}
}

func (t *turns) call(side byte, r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.isNext(side) {
		t.moved.Wait()
	}
	t.order = strings.TrimPrefix(t.order, string(side))
	defer t.moved.Broadcast()
	return http.DefaultClient.Do(r)
}

// end gives up the turns that a side has left.
func (t *turns) end(side byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended[side] = true
	t.moved.Broadcast()
}

func (t *turns) isNext(side byte) bool {
	for t.order != "" && t.ended[t.order[0]] {
		t.order = t.order[1:]
	}
	return t.order == "" || t.order[0] == side
}

// orders lists every order of n turns among sides.
func orders(n int, sides string) []string {
	if n == 0 {
		return []string{""}
	}
	var all []string
	for _, rest := range orders(n-1, sides) {
		for _, side := range sides {
			all = append(all, string(side)+rest)
		}
	}
	return all
}
