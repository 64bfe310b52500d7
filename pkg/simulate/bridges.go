package simulate

// Figures of the components, by their default configuration (reference/jitsi.md).
const (
	// perBridge is how many participants are a stress of 1: JVB's average_participant_stress is 0.01.
	perBridge = 100
	// overload is Jicofo's stress threshold of 0.8, in participants: at it a bridge gets nobody new while another is below.
	overload = 80
	// severe is JVB's own load threshold, in participants.
	severe = perBridge
	// roomMost is Jicofo's max-bridge-participants: how many of one conference a bridge gets.
	roomMost = 80
)

// bridgeState is what a simulated bridge is at.
type bridgeState uint8

const (
	booting bridgeState = iota
	standby             // has booted, and waits to be admitted
	serving
	draining
	gone   // empty, shut down or about to; its machine runs until somebody ends it
	ending // empty, told to shut down; costs until it has
	ended
)

type bridge struct {
	id     int
	state  bridgeState
	people int
	// conferences are those that have participants here.
	conferences int
	launched    float64
	since       float64 // of its state
	heard       float64 // when the control plane last told it to drain
	fails       bool    // will never serve
	told        bool    // to shut down once it is empty
	endAt       float64 // of its bill, when it ends
	places      []*place
}

// share is a conference's part on one bridge.
type share struct {
	bridge *bridge
	people int
}

// place is where a participant is.
type place struct {
	bridge *bridge
	index  int // in bridge.places
	room   int32
	visit  int32
	gone   bool
}

// BridgeFigures is what became of the bridges under one policy.
type BridgeFigures struct {
	InstanceHours   float64 `json:"instanceHours"`
	LowerBoundHours float64 `json:"lowerBoundHours"` // exactly ceil(demand / 0.8) bridges at every instant
	OverloadShare   float64 `json:"overloadShare"`   // of user time, on bridges above stress 0.8
	SevereShare     float64 `json:"severeShare"`     // of user time, on bridges above stress 1.0
	UnservedShare   float64 `json:"unservedShare"`   // of user time, without a bridge
	// RelayedShare is of user time, in conferences that are on several bridges, which relay all media to each other. That
	// costs stress which the simulation does not count.
	RelayedShare        float64 `json:"relayedShare"`
	DroppedParticipants int     `json:"droppedParticipants"`
	Launches            int     `json:"launches"`
}

// pool is the bridges of one shard and the people on them.
type pool struct {
	bridges  []*bridge // all that are not ended, by id
	rooms    [][]share
	unserved []*place // waiting for a bridge, oldest first
	next     int

	people, waiting, overloaded, severed int // participants now: all, unserved, on bridges above the thresholds
	relayed                              int // in conferences on several bridges

	counting                               bool
	cost, bound, userTime                  float64 // seconds
	overloadTime, severeTime, unservedTime float64 // seconds of participants
	relayedTime                            float64
	dropped, launches                      int
	boots                                  bootQueue
	bootTime                               func(id int) (seconds float64, fails bool)
	crossed                                float64 // people at which a bridge's rise is worth a wake-up
	woke                                   bool
	held                                   bool // empty bridges are ended by the policy
	reserves                               bool // new bridges drain until they are taken back, and end when they are released
	admits                                 bool // new bridges are admitted by the policy
}

func newPool(rooms int, boot func(int) (float64, bool)) *pool {
	return &pool{rooms: make([][]share, rooms), bootTime: boot}
}

// pass lets time pass in which nothing changes.
func (p *pool) pass(dt float64) {
	if !p.counting || dt <= 0 {
		return
	}
	p.cost += dt * float64(len(p.bridges))
	p.bound += dt * float64((p.people+overload-1)/overload)
	p.userTime += dt * float64(p.people)
	p.overloadTime += dt * float64(p.overloaded)
	p.severeTime += dt * float64(p.severed)
	p.unservedTime += dt * float64(p.waiting)
	p.relayedTime += dt * float64(p.relayed)
}

func (p *pool) figures() BridgeFigures {
	f := BridgeFigures{InstanceHours: p.cost / 3600, LowerBoundHours: p.bound / 3600, DroppedParticipants: p.dropped, Launches: p.launches}
	if p.userTime > 0 {
		f.OverloadShare, f.SevereShare, f.UnservedShare = p.overloadTime/p.userTime, p.severeTime/p.userTime, p.unservedTime/p.userTime
		f.RelayedShare = p.relayedTime / p.userTime
	}
	return f
}

// move changes how many people are on a bridge, and the counts that follow from it.
func (p *pool) move(b *bridge, by int) {
	if b.people > overload {
		p.overloaded -= b.people
	}
	if b.people > severe {
		p.severed -= b.people
	}
	before := float64(b.people)
	b.people += by
	if before < p.crossed && float64(b.people) >= p.crossed {
		p.woke = true
	}
	if b.people > overload {
		p.overloaded += b.people
	}
	if b.people > severe {
		p.severed += b.people
	}
}

// join puts a participant onto the bridge that Jicofo would choose.
func (p *pool) join(who *place) {
	p.people++
	p.put(who)
}

func (p *pool) put(who *place) {
	b := p.choose(who.room)
	who.bridge = b
	if b == nil {
		p.waiting++
		p.unserved = append(p.unserved, who)
		return
	}
	p.move(b, 1)
	who.index = len(b.places)
	b.places = append(b.places, who)
	p.relayed -= relayed(p.rooms[who.room])
	p.rooms[who.room] = joined(p.rooms[who.room], b)
	p.relayed += relayed(p.rooms[who.room])
}

// joined are a conference's shares with one more of it on a bridge.
func joined(shares []share, b *bridge) []share {
	for i := range shares {
		if shares[i].bridge == b {
			shares[i].people++
			return shares
		}
	}
	b.conferences++
	return append(shares, share{b, 1})
}

// left are a conference's shares with one less of it on a bridge.
func left(shares []share, b *bridge) []share {
	for i := range shares {
		if shares[i].bridge != b {
			continue
		}
		if shares[i].people--; shares[i].people == 0 {
			b.conferences--
			shares[i] = shares[len(shares)-1]
			return shares[:len(shares)-1]
		}
		break
	}
	return shares
}

// relayed is how many of a conference are on several bridges: all or none.
func relayed(shares []share) int {
	if len(shares) < 2 {
		return 0
	}
	people := 0
	for _, s := range shares {
		people += s.people
	}
	return people
}

// choose is Jicofo's choice (BridgeSelectionStrategy): a bridge of the conference that is not overloaded, else the least
// loaded one. Late joiners of a conference follow it onto a draining bridge; a new conference goes there only when
// there is no other.
func (p *pool) choose(room int32) *bridge {
	var own *bridge
	for _, s := range p.rooms[room] {
		b := s.bridge
		if b.people >= overload || s.people >= roomMost || b.state > draining {
			continue
		}
		if own == nil || b.state < own.state || b.state == own.state && (b.people < own.people || b.people == own.people && b.id < own.id) {
			own = b
		}
	}
	if own != nil {
		return own
	}
	var best *bridge
	for _, b := range p.bridges {
		if b.state != serving && b.state != draining {
			continue
		}
		if best == nil || b.state < best.state || b.state == best.state && b.people < best.people {
			best = b
		}
	}
	return best
}

func (p *pool) leave(who *place, now float64) {
	p.people--
	who.gone = true
	if who.bridge == nil {
		p.waiting--
		return
	}
	p.remove(who, now)
}

func (p *pool) remove(who *place, now float64) {
	b := who.bridge
	p.move(b, -1)
	last := b.places[len(b.places)-1]
	b.places[who.index], last.index = last, who.index
	b.places = b.places[:len(b.places)-1]
	p.relayed -= relayed(p.rooms[who.room])
	p.rooms[who.room] = left(p.rooms[who.room], b)
	p.relayed += relayed(p.rooms[who.room])
	p.endIfDone(b, now)
}
