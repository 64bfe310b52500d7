package main

import (
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// leastLate is the shortest time after which a recording is late, for moto takes its time.
const leastLate = 15 * time.Second

// kept is where recordings are kept, as the Lambda recordings is told.
func (s *stage) kept() settings.RecordingsEnv {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recordings
}

// scaleEnv divides the durations in a Lambda's env contract by the factor. What a Lambda needs to do its work is not
// divided: its agents' timeout, and the age at which figures that are polled every leastPoll are stale.
func (s *stage) scaleEnv(function string, env map[string]string) map[string]string {
	contract, ok := settings.Lambdas[strings.TrimPrefix(function, s.settings.Fleet+"-")]
	if !ok {
		return env
	}
	value := reflect.New(reflect.TypeOf(contract))
	if err := settings.DecodeEnv(value.Interface(), func(name string) (string, bool) { v, ok := env[name]; return v, ok }); err != nil {
		s.journal.note("problem", "the environment of %s: %v", function, err)
		return env
	}
	if r, ok := value.Interface().(*settings.RecordingsEnv); ok {
		s.mu.Lock()
		s.recordings = *r
		s.mu.Unlock()
	}
	control := &settings.Control{} // of a Lambda that asks no agents
	if field := value.Elem().FieldByName("Control"); field.IsValid() {
		control, _ = field.Addr().Interface().(*settings.Control)
	}
	timeout := control.AgentTimeout
	divide(value.Interface(), s.options.factor)
	control.AgentTimeout = timeout
	control.StaleAfter = max(control.StaleAfter, leastStale)
	if b, ok := value.Interface().(*settings.BridgesEnv); ok {
		b.Reaction = max(b.Reaction, s.leastTick())
	}
	if l, ok := value.Interface().(*settings.LifecycleEnv); ok {
		l.SignalAdmissionGrace = max(l.SignalAdmissionGrace, 2*leastSuccession)
	}
	if r, ok := value.Interface().(*settings.RecordingsEnv); ok {
		r.LateAfter = max(r.LateAfter, leastLate)
	}
	scaled, err := settings.EncodeEnv(value.Elem().Interface())
	if err != nil {
		s.journal.note("problem", "the environment of %s: %v", function, err)
		return env
	}
	env = maps.Clone(env)
	maps.Copy(env, scaled)
	return env
}
