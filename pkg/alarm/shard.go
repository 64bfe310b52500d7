package alarm

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// leastUnserved is the shortest time without a bridge that is told: silent nodes do not serve either, as far as is known, and
// that is told before.
const leastUnserved = 5 * time.Minute

// bootMargin is how much longer than foreseen the first bridge may take before it is told.
const bootMargin = 2 * time.Minute

func (b *builder) shard(shard string) {
	wake := own("room-missing", Wake, telemetry.RoomMissing, min(0.5, max(0.05, b.s.Bridges.Spare/2)), 1, Advice{
		"A shard lacks half of its spare, or half a bridge of room. This alarm wakes the Lambda bridges, which grows the group.",
		[]string{"more people meet"}, "nothing; the alarm short-of-bridges tells when growing is not possible.",
	})
	wake.Wakes = fleet.RoleBridge
	none := own("no-bridge-serves", Part, telemetry.BridgesServing, 0, minutesOf(max(leastUnserved, b.s.Bridges.BootTime.D()+bootMargin)), Advice{
		"No bridge of a shard has served for longer than one takes to boot: nobody there sees or hears anybody.",
		[]string{"the group was emptied by hand", "bridges boot and do not become healthy"},
		"read the group's activity history, and the Lambda lifecycle's log for what the newest bridge lacks.",
	})
	none.Below = true
	b.add(shard, wake, none)
	b.add(shard, shardHealth...)
	b.add(shard, shardCapacity...)
	if b.s.Edge.ShardLimit > 0 {
		b.add(shard, own("above-limit", Ticket, telemetry.Participants, float64(b.s.Edge.ShardLimit), 3, Advice{
			"A shard has as many participants as its limit allows and gets no new rooms until it is down to nine tenths of it.",
			[]string{"the fleet has grown", "another shard is drained"},
			"add a shard to the settings, or raise edge.shardLimit if the shard carries its load well.",
		}))
	}
}

// composeShards makes one message of what one failure of a shard shows.
func (b *builder) composeShards() {
	for _, shard := range b.s.Shards {
		name := func(part string) string { return named(b.s.Fleet, shard.Name, part) }
		b.compose(name("unhealthy"), Page, []string{name("down"), name("signal-unhealthy"), name("no-bridge-serves"), name("frozen")},
			[]string{b.name("no-shard-up"), name("nodes-silent")}, Advice{
				"A shard does not serve: HAProxy sees it down, its signal node is sick, it has no bridge, or many of its bridges look broken.",
				[]string{"Prosody, Jicofo or the web server of its signal node fails", "the signal node is being replaced", "its bridges do not boot"},
				"look which of its parts is in alarm; its rooms move to other shards by themselves once HAProxy sees it down.",
			})
		b.compose(name("short-of-bridges"), Page, []string{name("bridges-at-maximum"), name("launches-pending"), name("launches-fail")}, []string{name("unhealthy")}, Advice{
			"A shard needs more bridges than it gets: calls get worse as it fills.",
			[]string{"the maximum is too low for the load", "a vCPU quota, or no capacity of the instance types in a zone", "new bridges do not become healthy"},
			"look which of its parts is in alarm: raise bridges.max, ask for quota or add bridges.instanceTypes, or mend the image.",
		})
		b.compose(name("bridges-hot"), Ticket, []string{name("bridges-overloaded")}, []string{name("short-of-bridges"), name("unhealthy")}, Advice{
			"A bridge is so full that Jicofo gives it nobody, though the shard may grow.",
			[]string{"one very large conference", "bridges boot more slowly than bridges.bootTime says", "bridges.target is too high"},
			"compare LargestConference and BootSeconds with the settings; lower bridges.target or use larger instance types.",
		})
	}
}

var shardHealth = []Alarm{
	own("down", Part, telemetry.ShardDown, 1, 3, Advice{
		"A HAProxy node sees the shard down: its rooms have moved to other shards.", []string{"the signal node fails", "its agent says down"},
		"see under \"unwell\" in the Lambda metrics' log what fails on the signal node; terminate its instance to have it replaced.",
	}),
	own("signal-unhealthy", Part, telemetry.SignalUnhealthy, 1, 3, Advice{
		"The agent of a shard's signal node says that Prosody, Jicofo or the web server fails.", []string{"a container restarts again and again", "the disk is full"},
		"see under \"unwell\" in the Lambda metrics' log what fails; terminate the instance to have it replaced.",
	}),
	own("nodes-silent", Part, telemetry.SilentShare, 0.5, 2, Advice{
		"Half or more of a shard's nodes say nothing. Nothing is shrunk or ended meanwhile, and growth is blind.",
		[]string{"a security group, the secret or a route was changed", "a zone is disturbed"},
		"look at the Lambda metrics' log: one cause for all nodes is likelier than many.",
	}),
	// Silent nodes freeze a shard, too: nodes-silent is then on before this.
	own("frozen", Part, telemetry.Frozen, 1, 5, Advice{
		"For five minutes so many nodes have looked broken at once that the observer is presumed wrong: nothing is ended in this shard.",
		[]string{"a network change", "a release that fails everywhere"},
		"see in the Lambda metrics' log what they say; if the nodes really are broken, end them yourself, one by one.",
	}),
	own("state-not-followed", Ticket, telemetry.StateNotFollowed, 1, 3, Advice{
		"The shard does not follow the state in its parameter, or the parameter says none.",
		[]string{"a slip of the pen in the parameter", "the signal node cannot read SSM"},
		"run ./scripts/shard show with the shard's name, and write ready, drain or maintenance.",
	}),
}

var shardCapacity = []Alarm{
	own("bridges-at-maximum", Part, telemetry.BridgesShort, 1, 2, Advice{
		"A shard needs more bridges than its maximum allows.", []string{"the fleet has grown"},
		"raise bridges.max and deploy, or let the shard get no new rooms: ./scripts/shard drain.",
	}),
	own("bridges-overloaded", Part, telemetry.BridgesOverloaded, 1, 5, Advice{
		"For five minutes a bridge has been at or above the stress at which Jicofo gives it nobody.", []string{"one very large conference"},
		"compare LargestConference and StressMax on the shard's dashboard; if the load is spread, lower bridges.target.",
	}),
	own("launches-pending", Part, telemetry.LaunchesPending, 1, 10, Advice{
		"For ten minutes Auto Scaling has not launched what a shard's desired capacity asks for; the control plane counts on it all the same.",
		[]string{"a vCPU quota", "no capacity of the instance types in a zone"},
		"read the group's activity history. More instanceTypes help.",
	}),
	own("launches-fail", Part, telemetry.LaunchFailures, 3, 1, Advice{
		"Three launches in a row were given up; launching now backs off.", []string{"the image or a boot script fails", "nodes cannot reach the registry"},
		"read the group's activity history and the console output of a new node (aws ec2 get-console-output --latest).",
	}),
	own("drains-overdue", Ticket, telemetry.DrainsOverdue, 1, 1, Advice{
		"A bridge that is not needed has drained for longer than the drain limit and still has participants.", []string{"a conference that nobody leaves"},
		"decide whether to wait; bridges.atDrainLimit \"move\" would let Jicofo move them.",
	}),
	own("retained", Ticket, telemetry.Retained, 1, 15, Advice{
		"Auto Scaling retains an instance after a lapsed hook; it costs money until it is proven empty.", []string{"the Lambda lifecycle was down for longer than bridges.hookTimeout"},
		"read the Lambda lifecycle's log for what keeps it from being reaped.",
	}),
}
