package visit

import "time"

// Tally is what the users of the sandbox saw.
type Tally struct {
	Joined  int `json:"joined"`
	Retried int `json:"retried"` // attempts to join that were refused and made again
	Missed  int `json:"missed"`  // visits that ended before anybody let them in
	// Moves are rooms that were seen on a shard and then on another.
	Moves []Move `json:"moves,omitempty"`
	// Openings are the first sightings of rooms.
	Openings []Sighting `json:"-"`
	// Losses are sessions that ended before their visits did.
	Losses []Loss `json:"-"`
	// Unanswered are rooms whose keep-alives were not answered, each time, with the shard that they were on.
	Unanswered []Unanswered `json:"-"`
}

// Move is a room that was seen on another shard than before.
type Move struct {
	Room string    `json:"room"`
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
}

// Sighting is a room on a shard at a time.
type Sighting struct {
	Room, Shard string
	At          time.Time
}

// Unanswered is a keep-alive without an answer.
type Unanswered struct {
	Sighting
	Why string
}

// Loss is one participant's session that ended before the visit did, and where it was begun anew.
type Loss struct {
	Room, From, To string
	At             time.Time // when the client learnt of it
	Back           time.Time // when it was in again; zero until then
	Ended          bool      // the visit was over before anybody let it in again
}
