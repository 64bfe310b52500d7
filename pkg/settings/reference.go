package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// knob is one line of the reference: what a JSON path below "fleet" takes and means. Its default is Defaults'.
type knob struct{ path, takes, meaning string }

// Reference is a Markdown table of everything that an operator can write under "fleet": path, default, what it
// takes, and what it means. "[]" in a path is each element of a list, "{}" each key of an object.
func Reference() string {
	var b strings.Builder
	b.WriteString("| path | default | takes | meaning |\n|---|---|---|---|\n")
	defaults := reflect.ValueOf(Defaults())
	for _, k := range knobs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.path, defaultOf(defaults, k.path), k.takes, k.meaning)
	}
	return b.String()
}

// defaultOf is the default at a path as JSON in code marks; empty where there is none.
func defaultOf(v reflect.Value, path string) string {
	for key := range strings.SplitSeq(path, ".") {
		var found reflect.Value
		if v.Kind() == reflect.Struct {
			for _, f := range fieldsOf(v) {
				if f.key == key {
					found = f.value
				}
			}
		}
		if !found.IsValid() || found.IsZero() {
			return ""
		}
		v = found
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	return "`" + string(text) + "`"
}

var knobs = []knob{
	{"fleet", "2 to 20 lower-case letters, digits, hyphens", "name of everything that is deployed"},
	{"domain", "host name", "public name of the meetings"},
	{"certificateArn", "ARN", "ACM certificate of the domain; it or `hostedZone` is needed"},
	{"hostedZone.id", "`Z` and capitals, digits", "public Route 53 zone in which the domain is proven and pointed at the load balancer"},
	{"hostedZone.name", "host name", "name of that zone; the domain is it or lies under it"},
	{"release", "image tag", "release of the ghcr.io/jitsi images that every node runs"},
	{"timeZone", "IANA name", "by whose wall clock forecasts compare days"},
	{"network.cidr", "IPv4 range, /16 to /20", "the VPC; apart from the peers and from Docker's 172.17.0.0/16"},
	{"network.availabilityZones", "2 to 3", "zones that are used"},
	{"network.natGateways", "1 to `availabilityZones`", "NAT gateways"},
	{"network.peers", "list of IPv4 ranges", "ranges that the VPC will be connected to"},
	{"edge.slots", "2 to 4", "HAProxy nodes"},
	{"edge.instanceType", "EC2 instance type", "of a HAProxy node"},
	{"edge.tableSize", "1000 to 10000000", "rooms in the stick table; each takes 240 bytes of a node's memory"},
	{"edge.tableExpiry", "1m to 24h", "how long a room without any request stays pinned"},
	{"edge.shardLimit", "0 to 100000; 0 is no limit", "participants of a shard above which it gets no new rooms"},
	{"edge.connectionRate", "100 to 1000000", "connections that one source may open in ten seconds"},
	{"edge.warmUp", "5s to 5m", "how long a new HAProxy node waits at most for its peers' table and the shards' agents"},
	{"edge.mendPause", "2m to 24h", "how long a mended room is left alone afterwards"},
	{"signal.instanceType", "EC2 instance type", "of a signal node: web, Prosody and Jicofo of one shard"},
	{"signal.admissionGrace", "1m to 2h, and what a lifecycle hook can hold", "from launch to healthy before a signal node is replaced"},
	{"shards[].name", "1 to 20 lower-case letters, digits, hyphens", "the shard's name for ever"},
	{"shards[].id", "1 to 4095", "its HAProxy server id; never given to another shard afterwards"},
	{"shards[].minBridges", "0 to 500; 0 is `bridges.min`", "least bridges of this shard"},
	{"shards[].maxBridges", "0 to 500; 0 is `bridges.max`", "most bridges of this shard"},
	{"bridges.instanceTypes", "list of EC2 instance types of one architecture", "the first is preferred"},
	{"bridges.min", "1 to `max`", "least bridges of each shard"},
	{"bridges.max", "1 to 500", "most bridges of each shard"},
	{"bridges.target", "0.1 to below 0.8", "stress that a bridge is filled to"},
	{"bridges.spare", "0 to `max`; with `slack` at most `max`-1", "bridges' worth of room kept, with the reserve, for what no trend foresaw"},
	{"bridges.slack", "0.05 to 5", "bridges' worth of room beyond the need that must remain when one is released to end"},
	{"bridges.survivors", "0 to 1", "lost shards for whose rooms the others keep room; 1 needs two shards"},
	{"bridges.shrinkAfter", "3m to 2h", "how long a peak of demand counts as if it were there"},
	{"bridges.bootTime", "30s to 30m", "from launch to serving"},
	{"bridges.serviceLevel", "0.5 to 0.9999", "how likely what the forecast foresees shall suffice"},
	{"bridges.admissionGrace", "`bootTime` to 2h, and what a lifecycle hook can hold", "from launch to healthy before a bridge is replaced"},
	{"bridges.drainLimit", "1m to 48h, and to 100 times `hookTimeout`", "how long a bridge that is no reserve either may drain before `atDrainLimit` applies"},
	{"bridges.atDrainLimit", "`hold` or `move`", "keep the bridge and alarm, or let Jicofo move its participants"},
	{"bridges.hookTimeout", "3m to 2h", "heartbeat timeout of the lifecycle hooks"},
	{"bridges.deadAfter", "1m to 1h", "how long a bridge is dead for its agent and Jicofo before it is replaced"},
	{"bridges.quarantineWindow", "1m to 2h", "time in which at most one bridge, or a tenth of a group, is replaced as broken"},
	{"jibris.free", "0 to `max`", "idle recorders at any time"},
	{"jibris.min", "`free` to `max`", "least recorders"},
	{"jibris.max", "0 to 500; 0 deploys no recorders", "most recorders"},
	{"jibris.instanceTypes", "list of EC2 instance types of one architecture", "the first is preferred; on x86 Jibri's image has Google Chrome, on arm64 Chromium"},
	{"jibris.volumeGiB", "30 to 2000", "a recorder's disk; an hour of 720p is about 1 GB"},
	{"jibris.diskFloorGiB", "1 to half of `volumeGiB`", "what must be free of it for a recording to start"},
	{"jibris.bootTime", "30s to 30m", "from launch to free"},
	{"jibris.admissionGrace", "`bootTime` to 2h, and what a lifecycle hook can hold", "from launch to fit before a recorder is replaced"},
	{"jibris.retireAfter", "3m to 24h", "how long there are more free recorders than wanted before one is retired"},
	{"jibris.serviceLevel", "0.5 to 0.9999", "how likely the starts that the forecast foresees shall be all"},
	{"jibris.joinLimit", "30s to 15m", "how long a recorder may join a room"},
	{"jibris.finalizeLimit", "10s to 1h", "how long a recorder may take to end a recording"},
	{"jibris.stallLimit", "10s to 15m", "how long an encoder may make no progress"},
	{"jibris.recordingLimit", "1h to 48h", "length above which a recording is an alarm"},
	{"recordings.lateAfter", "5m to 24h", "how long after its end a recording that is not in S3 is an alarm"},
	{"recordings.cheaperAfterDays", "30 to 3650; 0 is never", "age at which recordings move to S3's Standard-IA storage"},
	{"recordings.expireAfterDays", "above `cheaperAfterDays`, at most 36500; 0 is never", "age at which recordings are deleted"},
	{"intervals.agentPoll", "500ms to 30s", "how often an agent asks its component"},
	{"intervals.agentTimeout", "100ms to 10s", "bound of one question to one agent"},
	{"intervals.staleAfter", "3 times `agentPoll` to 5m", "age at which figures prove nothing any more"},
	{"intervals.sickAfter", "3 times `agentPoll` to 5m", "how long a component must fail before its agent says so"},
	{"alerts.email", "list of e-mail addresses", "who is subscribed to pages and tickets"},
	{"alerts.pageEmail", "list of e-mail addresses", "who gets pages only"},
	{"alerts.monthlyBudgetUSD", "0 to 10000000; 0 is no budget", "cost of a month above which a ticket comes; activate `jitsi-fleet:fleet` as a cost allocation tag"},
	{"schedules[].name", "1 to 64 letters, digits, spaces, `_.-`", "the schedule's name, used once"},
	{"schedules[].timeZone", "IANA name; empty is UTC", "whose wall clock the schedule goes by"},
	{"schedules[].days", "list of `mon` to `sun`", "days on which it begins"},
	{"schedules[].from", "`00:00` to `23:59`", "when it begins"},
	{"schedules[].to", "`00:00` to `24:00`", "when it ends; before `from` it is on the next day"},
	{"schedules[].values.minBridges", "inside every shard's bounds", "least bridges of each shard"},
	{"schedules[].values.maxBridges", "inside every shard's bounds", "most bridges of each shard"},
	{"schedules[].values.targetStress", "0.1 to below 0.8", "as `bridges.target`"},
	{"schedules[].values.spareBridges", "0 to the maximum that holds", "as `bridges.spare`"},
	{"schedules[].values.freeJibris", "0 to the maximum that holds", "as `jibris.free`"},
	{"schedules[].values.minJibris", "`jibris.min` to `jibris.max`", "as `jibris.min`"},
	{"schedules[].values.maxJibris", "`jibris.min` to `jibris.max`", "as `jibris.max`"},
	{"tags.{}", "at most 40 tags; no key begins with `aws:` or `jitsi-fleet:`", "tags of every resource"},
}
