package agent

import (
	"context"
	"fmt"
	"maps"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Refusal is an order that the agent does not obey as things are, with the reason in words.
type Refusal struct {
	Why string
	// Occupied is true when the reason is that somebody is on the node.
	Occupied bool
}

// Error is the reason.
func (r *Refusal) Error() string { return "order refused: " + r.Why }

// Is tells fleet.ErrOccupied from other reasons.
func (r *Refusal) Is(target error) bool { return r.Occupied && target == fleet.ErrOccupied }

func refuse(format string, args ...any) error { return &Refusal{Why: fmt.Sprintf(format, args...)} }

// Obey carries out an order and answers with the status after it. It fails with *Refusal when the order does not
// fit: another instance, an older fence than one seen of its loop, or a verb that the phase does not allow. What it accepts is remembered on disk
// before the component is told; a component that cannot be told now is told at a later look, and the status's
// Detail says so.
func (a *Agent) Obey(ctx context.Context, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	if err := a.take(ctx); err != nil {
		return fleet.Status{}, err
	}
	defer a.release()
	next, err := a.decide(ctx, verb, order)
	if err != nil {
		a.config.Log.Warn("order refused", "verb", verb, "loop", order.Loop, "fence", order.Fence, "reason", order.Reason, "why", err)
	} else {
		a.config.Log.Info("order", "verb", verb, "loop", order.Loop, "fence", order.Fence, "reason", order.Reason)
	}
	if next.Intent != a.memory.Intent || !maps.Equal(next.Fences, a.memory.Fences) {
		if failed := next.save(a.config.StateFile); failed != nil {
			return fleet.Status{}, failed
		}
		a.memory = next
	}
	if err != nil {
		return fleet.Status{}, err
	}
	if verb == fleet.VerbForget || verb == fleet.VerbPlace {
		if err := a.onRooms(ctx, verb, order); err != nil {
			return fleet.Status{}, err
		}
		return a.Status(), nil
	}
	// Who asked may have gone by now; what is remembered is carried out all the same.
	a.look(context.WithoutCancel(ctx))
	return a.Status(), nil
}

// decide is the memory after an order. The fence of an order that is refused for the phase counts too: it has been
// seen.
func (a *Agent) decide(ctx context.Context, verb fleet.Verb, order fleet.Order) (Memory, error) {
	if order.Instance != "" && order.Instance != a.config.Instance {
		return a.memory, refuse("it is for %s and this is %s", order.Instance, a.config.Instance)
	}
	seen, err := a.memory.fenced(order)
	if err != nil {
		return a.memory, err
	}
	// An order that the phase refuses comes from a control plane that lives all the same.
	a.ordered = a.config.Clock()
	phase := a.Status().Phase
	wanted, err := seen.after(verb, order.Reserve, a.config.Role, phase)
	if err != nil {
		return seen, err
	}
	if verb == fleet.VerbRetire && !seen.Retired && phase != fleet.PhaseGone {
		if err := a.provenEmpty(ctx); err != nil {
			return seen, err
		}
	}
	seen.Intent = wanted
	return seen, nil
}

// provenEmpty asks the component, and refuses unless it says that nobody is on it.
func (a *Agent) provenEmpty(ctx context.Context) error {
	people, err := a.config.Component.Occupants(ctx)
	switch {
	case err != nil:
		return refuse("it is not proven empty: %v", err)
	case people > 0 && a.config.Role == fleet.RoleJibri:
		return &Refusal{Why: "a recording or a stream is on", Occupied: true}
	case people > 0:
		return &Refusal{Why: fmt.Sprintf("it has %d participants", people), Occupied: true}
	default:
		return nil
	}
}

// mostLoops bounds how many control loops an agent remembers fences of. There are two.
const mostLoops = 16

// fenced is the memory once the fence of an order was seen, or a *Refusal when a newer one of its loop was.
func (m Memory) fenced(order fleet.Order) (Memory, error) {
	newest, known := m.Fences[order.Loop]
	switch {
	case order.Loop == "" || !known && len(m.Fences) >= mostLoops:
		return m, refuse("%q is no control loop", order.Loop)
	case order.Fence < newest:
		return m, refuse("its fence %d is older than %d: a newer run of %s has spoken", order.Fence, newest, order.Loop)
	}
	fences := maps.Clone(m.Fences)
	if fences == nil {
		fences = map[string]uint64{}
	}
	fences[order.Loop] = order.Fence
	m.Fences = fences
	return m, nil
}

// after is the intent once a verb is obeyed, or a *Refusal; reserve is the order's. It knows nothing of who is on the node.
func (i Intent) after(verb fleet.Verb, reserve bool, role fleet.Role, phase fleet.Phase) (Intent, error) {
	next := i
	if role == fleet.RoleJibri && (verb == fleet.VerbDrain || verb == fleet.VerbUndrain) {
		return i, refuse("a recorder has no drain: it has one session or none, and retire waits for its end")
	}
	switch verb {
	case fleet.VerbAdmit:
		switch {
		case i.Retired || phase == fleet.PhaseRetiring:
			return i, refuse("it was told to shut down, which cannot be undone")
		case i.Admitted:
			return i, nil
		case phase != fleet.PhaseStandby && phase != fleet.PhaseDraining && phase != fleet.PhaseServing:
			return i, refuse("it is %s: only a node that is healthy and joined can be admitted", phase)
		}
		next.Admitted, next.Drained = true, reserve
	case fleet.VerbDrain:
		next.Drained = true
	case fleet.VerbUndrain:
		switch {
		case i.Retired || phase == fleet.PhaseRetiring:
			return i, refuse("it was told to shut down, which cannot be undone")
		case !i.Admitted && role != fleet.RoleEdge:
			return i, refuse("it was never admitted: admit it instead")
		}
		next.Drained = false
	case fleet.VerbRetire:
		if role != fleet.RoleJibri && i.Admitted && !i.Drained && !i.Retired && phase != fleet.PhaseGone {
			return i, refuse("it takes work still: drain it first")
		}
		next.Drained, next.Retired = true, true
	case fleet.VerbForget, fleet.VerbPlace:
		if role != fleet.RoleEdge {
			return i, refuse("a %s node knows not where rooms live", role)
		}
	case fleet.VerbMove:
		if role != fleet.RoleBridge {
			return i, refuse("the participants of a %s node cannot be moved", role)
		}
		next.Drained, next.Retired, next.Moved = true, true, true
	default:
		return i, refuse("%q is no verb", verb)
	}
	return next, nil
}
