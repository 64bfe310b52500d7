package settings

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Control is the shared env contract, as far as settings know it. The names that AWS makes are the CDK app's.
func (s Settings) Control() Control {
	return Control{
		Fleet:        s.Fleet,
		AgentTimeout: s.Intervals.AgentTimeout.D(),
		StaleAfter:   s.Intervals.StaleAfter.D(),
	}
}

// MetricsEnv is the env contract of the Lambda metrics.
func (s Settings) MetricsEnv(c Control) MetricsEnv {
	return MetricsEnv{Control: c, Target: s.Bridges.Target, Spare: s.Bridges.Spare}
}

// BridgesEnv is the env contract of the Lambda bridges.
func (s Settings) BridgesEnv(c Control) BridgesEnv {
	b := s.Bridges
	return BridgesEnv{
		Control:          c,
		RuntimeParameter: RuntimeParameter(s.Fleet),
		Target:           b.Target,
		Spare:            b.Spare,
		Slack:            b.Slack,
		Survivors:        b.Survivors,
		ShrinkAfter:      b.ShrinkAfter.D(),
		BootTime:         b.BootTime.D(),
		Reaction:         Reaction,
		ServiceLevel:     b.ServiceLevel,
		TimeZone:         s.TimeZone,
		DrainLimit:       b.DrainLimit.D(),
		AtDrainLimit:     b.AtDrainLimit,
		DeadAfter:        b.DeadAfter.D(),
		QuarantineWindow: b.QuarantineWindow.D(),
		FreeJibris:       s.Jibris.Free,
		MinJibris:        s.Jibris.Min,
		MaxJibris:        s.Jibris.Max,
		Schedules:        schedulesJSON(s.Schedules),
	}
}

// Bounds is what was deployed, by this contract and by what Auto Scaling says of each shard's group.
func (e BridgesEnv) Bounds(shards map[string]Range) Bounds {
	return Bounds{
		Shards: shards, Jibris: Range{e.MinJibris, e.MaxJibris},
		Target: e.Target, Spare: e.Spare, Slack: e.Slack, FreeJibris: e.FreeJibris,
	}
}

// LifecycleEnv is the env contract of the Lambda lifecycle.
func (s Settings) LifecycleEnv(c Control) LifecycleEnv {
	b := s.Bridges
	return LifecycleEnv{
		Control:              c,
		BridgeAdmissionGrace: b.AdmissionGrace.D(),
		SignalAdmissionGrace: s.Signal.AdmissionGrace.D(),
		JibriAdmissionGrace:  s.Jibris.AdmissionGrace.D(),
		HookTimeout:          b.HookTimeout.D(),
		DrainLimit:           b.DrainLimit.D(),
		AtDrainLimit:         b.AtDrainLimit,
		DeadAfter:            b.DeadAfter.D(),
	}
}

// ShardsEnv is the env contract of the Lambda shards.
func (s Settings) ShardsEnv(c Control) ShardsEnv {
	return ShardsEnv{Control: c, MendPause: s.Edge.MendPause.D()}
}

// JibrisEnv is the env contract of the Lambda jibris.
func (s Settings) JibrisEnv(c Control) JibrisEnv {
	j, b := s.Jibris, s.Bridges
	return JibrisEnv{
		Control:          c,
		RuntimeParameter: RuntimeParameter(s.Fleet),
		Free:             j.Free,
		Min:              j.Min,
		Max:              j.Max,
		BootTime:         j.BootTime.D(),
		RetireAfter:      j.RetireAfter.D(),
		ServiceLevel:     j.ServiceLevel,
		TimeZone:         s.TimeZone,
		DeadAfter:        b.DeadAfter.D(),
		QuarantineWindow: b.QuarantineWindow.D(),
		Target:           b.Target,
		Spare:            b.Spare,
		Slack:            b.Slack,
		Schedules:        schedulesJSON(s.Schedules),
	}
}

// Bounds is what was deployed, by this contract and by what Auto Scaling says of each shard's group of bridges.
func (e JibrisEnv) Bounds(shards map[string]Range) Bounds {
	return Bounds{
		Shards: shards, Jibris: Range{e.Min, e.Max},
		Target: e.Target, Spare: e.Spare, Slack: e.Slack, FreeJibris: e.Free,
	}
}

// RecordingsEnv is the env contract of the Lambda recordings, as far as settings know it.
func (s Settings) RecordingsEnv() RecordingsEnv {
	return RecordingsEnv{Fleet: s.Fleet, LateAfter: s.Recordings.LateAfter.D()}
}

func schedulesJSON(list []Schedule) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(fmt.Sprintf("schedules are no JSON, which their types exclude: %v", err))
	}
	return string(text)
}

// Node is the configuration of a node, as far as settings know it. The CDK app adds what AWS names, and the boot
// script what the instance is. Shard is empty for roles that serve all shards.
func (s Settings) Node(role fleet.Role, shard string) Node {
	n := Node{
		Fleet:     s.Fleet,
		Role:      string(role),
		Shard:     shard,
		StateFile: StatePath,
		Poll:      s.Intervals.AgentPoll,
		SickAfter: s.Intervals.SickAfter,
	}
	switch role {
	case fleet.RoleBridge:
		n.Bridge = loopback(BridgePort)
		n.WakeStress = s.Bridges.Target
	case fleet.RoleSignal:
		n.Jicofo, n.Prosody, n.Web = loopback(JicofoPort), loopback(ProsodyPort), loopback(WebPort)
		n.ProsodyHost = XMPPDomain
		n.ShardParameter, n.StatePoll = ShardParameter(s.Fleet, shard), max(2*s.Intervals.AgentPoll, leastStatePoll)
		n.ShardLimit = s.Edge.ShardLimit
	case fleet.RoleEdge:
		n.HAProxy, n.Master, n.Servers, n.Configuration = HAProxySocket, HAProxyMaster, HAProxyServers, HAProxyConfig
		n.EdgeParameter, n.StatePoll = EdgeParameter(s.Fleet), max(2*s.Intervals.AgentPoll, leastStatePoll)
		n.WarmUp, n.LeaveWait = s.Edge.WarmUp, leaveWait
	case fleet.RoleJibri:
		n.Poll, n.StatePoll = min(n.Poll, recorderPoll), recorderStatePoll
		n.Recorder = s.recorder()
	}
	return n
}

// recorder is a recorder's own part of its Node.
func (s Settings) recorder() *RecorderNode {
	j := s.Jibris
	return &RecorderNode{
		External: loopback(JibriPort), Internal: loopback(RetirePort),
		Unit: JibriUnit, Environment: JibriEnvironment, ShardsParameter: ShardsParameter(s.Fleet),
		Resolver: netip.AddrPortFrom(s.Network.Resolver(), dnsPort).String(),
		Spool:    SpoolPath, Proc: ProcPath, DiskFloor: int64(j.DiskFloorGiB) * gibibyte,
		JoinLimit: j.JoinLimit, FinalizeLimit: j.FinalizeLimit, StallLimit: j.StallLimit, RecordingLimit: j.RecordingLimit,
	}
}

const gibibyte = 1 << 30

// dnsPort is where a resolver takes questions (RFC 1035, 4.2).
const dnsPort = 53

// recorderPoll finds a recording's start soon enough for its replacement to be asked for within seconds.
const recorderPoll = Duration(time.Second)

// recorderStatePoll is how often a recorder asks for the list of shards, which only a deployment changes. Five hundred
// recorders then ask SSM eight times a second, of the 40 that it answers.
const recorderStatePoll = Duration(time.Minute)

// leastStatePoll keeps fifty shards' agents well below the 40 requests a second that SSM answers.
// https://docs.aws.amazon.com/general/latest/gr/ssm.html
const leastStatePoll = Duration(4 * time.Second)

// leaveWait is longer than the load balancer needs to find out that a node leaves: one agent-check, and two health
// checks ten seconds apart.
const leaveWait = Duration(40 * time.Second)

func loopback(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

// Reaction is how far ahead the bridges that serve must be enough: until the schedule's next run.
const Reaction = time.Minute
