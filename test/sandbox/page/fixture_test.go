package page

import (
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// busy is a fleet in the middle of its day: two shards, of which one drains, recorders in every phase, an alarm of each
// severity, and figures of each metric.
type busy struct {
	settings settings.Settings
	store    *metrics.Store
	began    time.Time
}

func (busy) Counters() standin.Counters { return standin.Counters{Dropped: 0} }
func (busy) SplitRooms() []string       { return []string{"room-3"} }
func (b busy) Metrics() *metrics.Store  { return b.store }
func (busy) Sessions() []standin.Session {
	return []standin.Session{{Room: "room-1", Jibri: "i-recorder1"}}
}
func (busy) Rooms(string) map[string]int {
	return map[string]int{"room-1": 31, "room-2": 8, "room-3": 3}
}
func (busy) Jibris() []standin.Jibri {
	return []standin.Jibri{{ID: "i-recorder0", Up: true}, {ID: "i-recorder1", Up: true, Busy: true, Recording: true}}
}

func (busy) Bridges() []standin.BridgeState {
	var all []standin.BridgeState
	for shard := range 2 {
		for n := range 4 {
			all = append(all, standin.BridgeState{ID: bridgeID(shard, n), Shard: shardName(shard), Up: true, Joined: true, Drain: n == 2,
				LocalEndpoints: 20 * n, Stress: 0.3 * float64(n)})
		}
	}
	return all
}

func bridgeID(shard, n int) fleet.InstanceID {
	return fleet.InstanceID(fmt.Sprintf("i-bridge%d%d", shard, n))
}
func shardName(shard int) string { return fmt.Sprintf("shard-%d", shard+1) }

func (b busy) Instances() []scaling.Instance {
	var all []scaling.Instance
	add := func(id, group, state string, role fleet.Role, shard string) {
		all = append(all, scaling.Instance{Machine: scaling.Machine{ID: id, Zone: "us-east-1a", Launched: b.began}, Group: group, State: state,
			Tags: map[string]string{fleet.TagRole: string(role), fleet.TagShard: shard}})
	}
	for shard := range 2 {
		name := shardName(shard)
		add("i-signal"+name, "fl-"+name+"-signal", scaling.InService, fleet.RoleSignal, name)
		for n := range 4 {
			add(string(bridgeID(shard, n)), "fl-"+name+"-bridges", scaling.InService, fleet.RoleBridge, name)
		}
		add("i-boots"+name, "fl-"+name+"-bridges", scaling.PendingWait, fleet.RoleBridge, name)
		add(fmt.Sprintf("i-edge%d", shard), fmt.Sprintf("fl-edge-%d", shard+1), scaling.InService, fleet.RoleEdge, "")
	}
	for n, state := range []string{scaling.InService, scaling.InService, scaling.Pending} {
		add(fmt.Sprintf("i-recorder%d", n), "fl-jibris", state, fleet.RoleJibri, "")
	}
	return all
}

func (b busy) Alarms() []metrics.Status {
	var all []metrics.Status
	fired := map[alarm.Severity]bool{}
	inventory := alarm.Of(b.settings)
	add := func(name string, severity alarm.Severity, advice alarm.Advice) {
		s := metrics.Status{Alarm: metrics.Alarm{Name: name, Description: advice.Text()}, State: metrics.OK, Since: b.began}
		if !fired[severity] {
			fired[severity], s.State, s.History = true, metrics.InAlarm, []metrics.Change{{To: metrics.InAlarm}}
		}
		all = append(all, s)
	}
	for _, c := range inventory.Composites {
		add(c.Name, c.Severity, c.Advice)
	}
	for _, a := range inventory.Alarms {
		add(a.Name, a.Severity, a.Advice)
	}
	return all
}

// minute is the wall time of a minute in the fixture.
const minute = time.Second

// fill puts two hours of figures into the store, of every metric that there is.
func (b busy) fill(now time.Time) {
	put := func(s metrics.Series, k, m int) {
		v := 5 + 4*math.Sin(float64(m)/20+float64(k))
		b.store.Put(s, metrics.Point{At: now.Add(time.Duration(m-120) * minute), Value: math.Round(v * 10)})
	}
	for m := range 120 {
		for k, metric := range telemetry.All {
			s := metrics.Series{Namespace: telemetry.Namespace, Name: metric.Name, Dimensions: map[string]string{telemetry.DimensionFleet: b.settings.Fleet}}
			if metric.Scope == telemetry.PerFleet {
				put(s, k, m)
				continue
			}
			for i, shard := range b.settings.Shards {
				own := metrics.Series{Namespace: s.Namespace, Name: s.Name, Dimensions: map[string]string{
					telemetry.DimensionFleet: b.settings.Fleet, telemetry.DimensionShard: shard.Name,
				}}
				put(own, k+i, m)
			}
		}
		for _, name := range []string{"Errors", "Duration", "Invocations"} {
			put(metrics.Series{Namespace: "AWS/Lambda", Name: name, Dimensions: map[string]string{"FunctionName": b.settings.Fleet + "-bridges"}}, 1, m)
		}
	}
}

// fleetSettings are those of a fleet of two shards with recorders.
func fleetSettings(t *testing.T) settings.Settings {
	t.Helper()
	s, err := settings.Parse([]byte(`{"fleet":"fl","domain":"meet.example.org","hostedZone":{"id":"Z0EXAMPLE","name":"example.org"},
		"network":{"cidr":"127.31.0.0/16"},"shards":[{"name":"shard-1","id":1},{"name":"shard-2","id":2}]}`))
	require.NoError(t, err)
	return s
}

// deployedOf are the dashboards of settings, with what CloudFormation puts into them.
func deployedOf(t *testing.T, s settings.Settings) []Dashboard {
	t.Helper()
	var all []Dashboard
	for _, d := range dashboard.Of(s) {
		body := strings.NewReplacer("${AWS::Region}", "us-east-1", "${AWS::Partition}", "aws", "${AWS::AccountId}", "123456789012").Replace(d.Body())
		one, err := Read(d.Name, []byte(body))
		require.NoError(t, err)
		all = append(all, one)
	}
	return all
}

// busyPage is the page of a busy fleet.
func busyPage(t *testing.T) *Page {
	t.Helper()
	now := time.Now()
	b := busy{fleetSettings(t), &metrics.Store{}, now.Add(-100 * minute)}
	b.fill(now)
	logs := &Logs{}
	for n := range 5 {
		logs.Add("/jitsi-fleet/fl/bridges", fmt.Sprintf(`{"msg":"decision","loop":"bridges","shard":"shard-1","actions":["launch %d"],"decision":{"reasons":["growth"]},"error":""}`, n+1), now)
	}
	logs.Add("/jitsi-fleet/fl/bridges", `{"msg":"decision","loop":"bridges","shard":"shard-1","actions":null,"error":""}`, now)
	return New(Source{
		Name: "a busy fleet", Settings: b.settings, Factor: 60, Minute: minute, Began: b.began, Dashboards: deployedOf(t, b.settings),
		TimeOfDay: func(offset time.Duration) string {
			minutes := 9*60 + int(offset/time.Minute)
			return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60)
		},
		Account: b, Meetings: b, Logs: logs, Wanted: func(string) int { return 4 },
		ShardState: func(shard string) string { return map[string]string{"shard-1": "ready", "shard-2": "drain"}[shard] },
		Told: func(n int) []Entry {
			told := []Entry{{now.Add(-2 * minute), "event", "Fleet Decision"}, {now, "decision", "bridges shard-1: launch 2, because growth; spare"}}
			return told[max(0, len(told)-n):]
		},
	})
}

// serve serves a page for a test.
func serve(t *testing.T, p *Page) string {
	t.Helper()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server.URL + "/"
}
