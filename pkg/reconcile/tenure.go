package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// tenure is one held lease with the memory that comes with it.
type tenure[M any] struct {
	lease  fleet.Lease
	memory M
}

// holdAll takes the leases of a loop for every name, until the caller's deadline. What another holds is left to
// the other.
func holdAll[M any](ctx context.Context, leases Leases, loop string, names []string, now func() time.Time, log *slog.Logger) (map[string]*tenure[M], error) {
	held := map[string]*tenure[M]{}
	var mu sync.Mutex
	err := sideBySide(names, func(name string) error {
		lease, ok, err := leases.Acquire(ctx, loop+"/"+name, now(), deadline(ctx, now()))
		if err != nil {
			return fmt.Errorf("the lease of %s is not to be had: %w", name, err)
		}
		if !ok {
			log.Info("left to the holder of the lease, which was asked for another run", "loop", loop, "name", name)
			return nil
		}
		t := &tenure[M]{lease: lease}
		if len(lease.Memory) > 0 {
			if err := json.Unmarshal(lease.Memory, &t.memory); err != nil {
				log.Error("the memory of the last run is not readable and is begun anew", "loop", loop, "name", name, "error", err.Error())
				t.memory = *new(M)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		held[name] = t
		return nil
	})
	return held, err
}

// releaseAll gives leases back with their memory. Those for which another run was asked stay held, unless last.
func releaseAll[M any](ctx context.Context, leases Leases, held map[string]*tenure[M], last bool) (map[string]*tenure[M], error) {
	again := map[string]*tenure[M]{}
	var mu sync.Mutex
	err := sideBySide(keys(held), func(name string) error {
		t := held[name]
		asked, err := release(ctx, leases, t, last)
		if err != nil {
			return fmt.Errorf("the lease of %s is not given back and lapses by itself: %w", name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if asked {
			again[name] = t
		}
		return nil
	})
	return again, err
}

func release[M any](ctx context.Context, leases Leases, t *tenure[M], last bool) (again bool, err error) {
	memory, err := json.Marshal(t.memory)
	if err != nil {
		return false, err
	}
	if last {
		return false, leases.Abandon(ctx, t.lease, memory)
	}
	return leases.Release(ctx, t.lease, memory)
}

// deadline is when the caller ends at the latest, and with it every lease that it holds.
func deadline(ctx context.Context, now time.Time) time.Time {
	if d, ok := ctx.Deadline(); ok {
		return d
	}
	return now.Add(leaseWithoutDeadline)
}

// leaseWithoutDeadline is how long a lease is held by a caller that has no deadline; a Lambda always has one.
const leaseWithoutDeadline = time.Minute

// sideBySide does something for every name at once and joins what fails; one failure stops no other.
func sideBySide(names []string, do func(name string) error) error {
	failed := make([]error, len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() error {
			failed[i] = do(name)
			return nil
		})
	}
	_ = group.Wait() // the goroutines keep their errors in failed
	return errors.Join(failed...)
}

func keys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
