package edge

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// ledger keeps which shards every room was seen on, one page for each span of time that is judged by itself. A request
// belongs to the page that was open when it was sent.
type ledger struct {
	mu    sync.Mutex
	pages []*page
}

// page is one span.
type page struct {
	began    time.Time
	seen     map[string]map[string]bool // room -> shards
	last     map[string]string          // room -> shard of the last request
	requests int
	lost     []loss
}

// loss is a request that no shard answered.
type loss struct {
	room string
	at   time.Time
	node string
	got  answer
}

func newLedger() *ledger {
	l := &ledger{}
	l.open()
	return l
}

// turn opens a new page and answers a copy of the one before, once what was sent then has been answered.
func (l *ledger) turn() *page {
	l.open()
	pause(200 * time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := *l.pages[len(l.pages)-2]
	p.seen, p.last, p.lost = map[string]map[string]bool{}, maps.Clone(p.last), slices.Clone(p.lost)
	for room, shards := range l.pages[len(l.pages)-2].seen {
		p.seen[room] = maps.Clone(shards)
	}
	return &p
}

func (l *ledger) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages = append(l.pages, &page{began: time.Now(), seen: map[string]map[string]bool{}, last: map[string]string{}})
}

func (l *ledger) record(n *node, room string, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := len(l.pages) - 1
	for at > 0 && a.sent.Before(l.pages[at].began) {
		at--
	}
	p := l.pages[at]
	p.requests++
	if !a.served() {
		p.lost = append(p.lost, loss{room: room, at: a.sent, node: n.name, got: a})
		return
	}
	if p.seen[room] == nil {
		p.seen[room] = map[string]bool{}
	}
	p.seen[room][a.shard] = true
	p.last[room] = a.shard
}

// homes is where every room was seen last, over all pages.
func (l *ledger) homes() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	homes := map[string]string{}
	for _, p := range l.pages {
		maps.Copy(homes, p.last)
	}
	return homes
}

// requests is how many there were, and how many of them were lost.
func (l *ledger) requests() (all, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pages {
		all += p.requests
		lost += len(p.lost)
	}
	return all, lost
}

// split are the rooms that were seen on more than one shard.
func (p *page) split() []string {
	var rooms []string
	for room, shards := range p.seen {
		if len(shards) > 1 {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(rooms)
	return rooms
}

// moved are the rooms that were seen elsewhere than at home.
func (p *page) moved(homes map[string]string) []string {
	var rooms []string
	for room, shards := range p.seen {
		if home, known := homes[room]; known && (len(shards) > 1 || !shards[home]) {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(rooms)
	return rooms
}

// only are the rooms of homes that live on the shards for which keep says so.
func only(homes map[string]string, keep func(shard string) bool) map[string]string {
	kept := map[string]string{}
	for room, shard := range homes {
		if keep(shard) {
			kept[room] = shard
		}
	}
	return kept
}
