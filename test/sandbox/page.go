package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/page"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

// openPage serves the page of a run that begins now, and says where.
func (s *stage) openPage(ctx context.Context, plan scenario.Scenario, out *progress) (*page.Page, error) {
	dashboards, err := page.Deployed(ctx, s.cloud.Endpoint())
	if err != nil {
		return nil, err
	}
	ranks := map[string]int{}
	for i, d := range dashboard.Of(s.settings) {
		ranks[d.Name] = i
	}
	slices.SortStableFunc(dashboards, func(a, b page.Dashboard) int { return ranks[a.Name] - ranks[b.Name] })
	p := page.New(page.Source{
		Name: plan.Name, Settings: s.settings, Factor: s.clock.Factor, Minute: max(s.clock.Scale(time.Minute), s.leastTick()),
		Began: time.Now(), TimeOfDay: plan.TimeOfDay, Dashboards: dashboards, Account: s.cloud, Meetings: s.world, Logs: &s.logs,
		ShardState: s.state, Wanted: s.journal.wantedBy, Told: s.journal.entriesOf,
	})
	address, err := p.Open(ctx, s.ended.Go)
	if err != nil {
		return nil, err
	}
	s.page = address
	out.step("watch it on %s", address)
	return p, nil
}

// state is a shard's state as the operator wrote it.
func (s *stage) state(shard string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.states[shard])
}

// lambdaLine takes a line that a Lambda logged.
func (s *stage) lambdaLine(function, line string) {
	name := strings.TrimPrefix(function, s.settings.Fleet+"-")
	s.logs.Add("/jitsi-fleet/"+s.settings.Fleet+"/"+name, line, s.clock.Now())
	s.journal.lambdaLine(function, line)
}

// wantedBy is what the last decision wanted of a shard's bridges.
func (j *journal) wantedBy(shard string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.wanted[shard]
}

// entriesOf is the last entries for the page. That a decision was announced is not told beside the decision.
func (j *journal) entriesOf(n int) []page.Entry {
	var told []page.Entry
	for _, e := range j.last(2 * n) {
		if e.Kind != "event" || e.Text != reconcile.EventDecision {
			told = append(told, page.Entry(e))
		}
	}
	return told[max(0, len(told)-n):]
}
