package capacity

import "slices"

// proven is the stress that the serving bridges that answer can still take: room without what silent ones are presumed to have.
func (g group) proven(p Policy) float64 {
	room := 0.0
	for _, b := range g.serving {
		room += roomOf(b, p)
	}
	return room
}

// relieves reports whether a bridge without room carries less than any that serves, so that what comes is better off on it.
func (g group) relieves(b Bridge) bool {
	return !slices.ContainsFunc(g.serving, func(s Bridge) bool { return s.Stress <= b.Stress })
}
