package settings

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/default.json
var example []byte

func TestTheExampleIsFilledWithTheDefaults(t *testing.T) {
	got, err := Parse(example)
	require.NoError(t, err)
	want := Defaults()
	want.Fleet, want.Domain = "jitsi", "meet.example.org"
	want.HostedZone = &HostedZone{ID: "Z0EXAMPLE", Name: "example.org"}
	want.Shards = []Shard{{Name: "shard-1", ID: 1}, {Name: "shard-2", ID: 2}}
	assert.Equal(t, want, got)
}

func TestAShardsOwnSizesGoOverThoseOfAllBridges(t *testing.T) {
	s, err := Parse(document(t, set("shards[].minBridges", 4)))
	require.NoError(t, err)
	low, high := s.ShardBridges(s.Shards[0])
	assert.Equal(t, []int{4, 20}, []int{low, high})
	low, high = s.ShardBridges(s.Shards[1])
	assert.Equal(t, []int{2, 20}, []int{low, high})
}

func TestEveryRuleIsTold(t *testing.T) {
	schedule := func(key string, value any) func(map[string]any) {
		return func(doc map[string]any) {
			s := map[string]any{"name": "hour", "days": []any{"mon"}, "from": "08:55", "to": "09:10", "values": map[string]any{"minBridges": 4}}
			set(key, value)(s)
			doc["schedules"] = []any{s}
		}
	}
	for _, c := range []struct {
		name string
		edit func(map[string]any)
		path string
		mend string // a part of it
	}{
		{"no fleet name", set("fleet", ""), "fleet.fleet", "2 to 20"},
		{"a fleet name of one letter", set("fleet", "j"), "fleet.fleet", "2 to 20"},
		{"a fleet name of 21 characters", set("fleet", strings.Repeat("j", 21)), "fleet.fleet", "2 to 20"},
		{"a fleet name that begins with a digit", set("fleet", "1jitsi"), "fleet.fleet", "beginning with a letter"},
		{"a fleet name that ends with a hyphen", set("fleet", "jitsi-"), "fleet.fleet", "hyphen"},
		{"a fleet name in capitals", set("fleet", "Jitsi"), "fleet.fleet", "lower-case"},
		{"a fleet name that SSM refuses", set("fleet", "aws-meet"), "fleet.fleet", "reserves"},
		{"a fleet name whose zone is AWS's own", set("fleet", "ec2"), "fleet.fleet", "zones"},
		{"no domain", set("domain", ""), "fleet.domain", "host name"},
		{"a domain of one label", set("domain", "meet"), "fleet.domain", "host name"},
		{"survivors of more than one shard's loss", set("bridges.survivors", 2), "fleet.bridges.survivors", "from 0 to 1"},
		{"a single shard that survives itself", func(doc map[string]any) {
			set("bridges.survivors", 1)(doc)
			doc["shards"] = doc["shards"].([]any)[:1]
		}, "fleet.bridges.survivors", "add a shard"},
		{"a domain that is a URL", set("domain", "https://meet.example.org"), "fleet.domain", "host name"},
		{"a domain that is an address", set("domain", "192.0.2.1"), "fleet.domain", "host name"},
		{"a domain longer than DNS allows", set("domain", strings.Repeat("a.", 130)+"org"), "fleet.domain", "253"},
		{"a domain longer than a certificate's name", set("domain", strings.Repeat("m", 55)+".example.org"), "fleet.domain", "64"},
		{"a domain outside the hosted zone", set("domain", "meet.example.com"), "fleet.domain", `".example.org"`},
		{"a domain that only ends like the hosted zone", set("domain", "meet-example.org"), "fleet.domain", `".example.org"`},
		{"neither certificate nor hosted zone", func(doc map[string]any) { delete(doc, "hostedZone") }, "fleet.certificateArn", "hostedZone"},
		{"a certificate of IAM", set("certificateArn", "arn:aws:iam::123456789012:server-certificate/x"), "fleet.certificateArn", "ACM"},
		{"a hosted zone id with a path", set("hostedZone.id", "/hostedzone/Z1"), "fleet.hostedZone.id", "capitals"},
		{"a hosted zone without a name", set("hostedZone.name", ""), "fleet.hostedZone.name", "example.org"},
		{"a release that moves", set("release", "latest"), "fleet.release", "one release"},
		{"a release that is no tag", set("release", "jitsi/web:stable"), "fleet.release", "one release"},
		{"an empty release", set("release", ""), "fleet.release", "one release"},

		{"a VPC larger than /16", set("network.cidr", "10.0.0.0/15"), "fleet.network.cidr", "/16 to /20"},
		{"a VPC smaller than /20", set("network.cidr", "10.0.0.0/21"), "fleet.network.cidr", "/16 to /20"},
		{"a VPC with bits after its prefix", set("network.cidr", "10.64.1.0/16"), "fleet.network.cidr", `"10.64.0.0/16"`},
		{"a VPC in IPv6", set("network.cidr", "fd00::/16"), "fleet.network.cidr", "IPv4"},
		{"an empty VPC", set("network.cidr", ""), "fleet.network.cidr", "IPv4"},
		{"a VPC over Docker's range", set("network.cidr", "172.17.0.0/16"), "fleet.network.cidr", "Docker"},
		{"a VPC inside Docker's range", set("network.cidr", "172.17.16.0/20"), "fleet.network.cidr", "Docker"},
		{"a VPC too small for all bridges", func(doc map[string]any) {
			set("network.cidr", "10.64.0.0/20")(doc)
			set("bridges.max", 300)(doc)
		}, "fleet.network.cidr", "448 bridges"},
		{"a VPC too small for all recorders", func(doc map[string]any) {
			set("network.cidr", "10.64.0.0/20")(doc)
			set("jibris.max", 500)(doc)
		}, "fleet.network.cidr", "448 nodes"},
		{"a peer over the VPC", set("network.peers", []any{"10.0.0.0/8"}), "fleet.network.peers[0]", "fleet.network.cidr"},
		{"a peer over another", set("network.peers", []any{"192.168.0.0/16", "192.168.7.0/24"}), "fleet.network.peers[1]", "peers[0]"},
		{"a peer with bits after its prefix", set("network.peers", []any{"192.168.7.0/16"}), "fleet.network.peers[0]", `"192.168.0.0/16"`},
		{"one availability zone", set("network.availabilityZones", 1), "fleet.network.availabilityZones", "from 2 to 3"},
		{"more NAT gateways than zones", set("network.natGateways", 3), "fleet.network.natGateways", "from 1 to 2"},
		{"no NAT gateway", set("network.natGateways", 0), "fleet.network.natGateways", "from 1 to 2"},

		{"an edge instance type without a size", set("edge.instanceType", "c7g"), "fleet.edge.instanceType", "c7g.xlarge"},
		{"an empty signal instance type", set("signal.instanceType", ""), "fleet.signal.instanceType", "c7g.xlarge"},
		{"a signal grace longer than the hook holds", func(doc map[string]any) {
			set("signal.admissionGrace", "2h")(doc)
			set("bridges.hookTimeout", "1m")(doc)
		}, "fleet.signal.admissionGrace", "hookTimeout"},

		{"no shards", set("shards", []any{}), "fleet.shards", "at least one shard"},
		{"51 shards", func(doc map[string]any) {
			var all []any
			for i := range 51 {
				all = append(all, map[string]any{"name": "s" + strings.Repeat("x", i%19) + string(rune('a'+i/19)), "id": i + 1})
			}
			doc["shards"] = all
		}, "fleet.shards", "at most 50"},
		{"a shard without a name", set("shards[].name", ""), "fleet.shards[0].name", "lower-case"},
		{"a shard's name with a dot", set("shards[].name", "shard.1"), "fleet.shards[0].name", "lower-case"},
		{"a shard's name that begins with a hyphen", set("shards[].name", "-a"), "fleet.shards[0].name", "hyphen"},
		{"a shard's name of 21 characters", set("shards[].name", strings.Repeat("s", 21)), "fleet.shards[0].name", "20"},
		{"two shards of one name", set("shards[].name", "shard-2"), "fleet.shards[1].name", "fleet.shards[0].name"},
		{"two shards whose names differ in hyphens only", set("shards[].name", "shard2"), "fleet.shards[1].name", "more than hyphens"},
		{"two shards of one id", set("shards[].id", 2), "fleet.shards[1].id", "fleet.shards[0].id"},
		{"a shard's minimum above its maximum", func(doc map[string]any) {
			set("shards[].minBridges", 9)(doc)
			set("shards[].maxBridges", 8)(doc)
		}, "fleet.shards[0].minBridges", "at most 8"},
		{"a shard's minimum above the common maximum", set("shards[].minBridges", 21), "fleet.shards[0].minBridges", "at most 20"},
		{"a shard's maximum below the common minimum", set("shards[].maxBridges", 1), "fleet.shards[0].maxBridges", "at least 2"},
		{"a shard's maximum below the spare", func(doc map[string]any) {
			set("bridges.spare", 4)(doc)
			set("shards[].maxBridges", 3)(doc)
		}, "fleet.shards[0].maxBridges", "spare"},
		{"a shard in which nothing could be drained", func(doc map[string]any) {
			set("bridges.spare", 2.5)(doc)
			set("shards[].maxBridges", 3)(doc)
		}, "fleet.bridges.spare", "fleet.shards[0].maxBridges"},

		{"no instance types", set("bridges.instanceTypes", []any{}), "fleet.bridges.instanceTypes", "at least one"},
		{"an instance type twice", set("bridges.instanceTypes", []any{"c7g.large", "c7g.large"}), "fleet.bridges.instanceTypes[1]", "the same"},
		{"two architectures", set("bridges.instanceTypes", []any{"c7g.large", "c7i.large"}), "fleet.bridges.instanceTypes[1]", "arm64"},
		{"an instance type in capitals", set("bridges.instanceTypes", []any{"C7G.large"}), "fleet.bridges.instanceTypes[0]", "c7g.xlarge"},
		{"a minimum above the maximum", set("bridges.min", 21), "fleet.bridges.min", "from 1 to 20"},
		{"a minimum of none", set("bridges.min", 0), "fleet.bridges.min", "from 1"},
		{"a target at Jicofo's threshold", set("bridges.target", 0.8), "fleet.bridges.target", "Jicofo"},
		{"a spare above the maximum", set("bridges.spare", 21), "fleet.bridges.spare", "from 0 to 20"},
		{"spare and slack that leave no bridge to drain", func(doc map[string]any) {
			set("bridges.spare", 18.9)(doc)
			set("bridges.slack", 0.2)(doc)
		}, "fleet.bridges.spare", "nothing is ever drained"},
		{"a slack of less than one participant", func(doc map[string]any) {
			set("bridges.slack", 0.06)(doc)
			set("bridges.target", 0.15)(doc)
		}, "fleet.bridges.slack", "participant"},
		{"a grace shorter than a boot", func(doc map[string]any) {
			set("bridges.bootTime", "5m")(doc)
			set("bridges.admissionGrace", "4m59s")(doc)
		}, "fleet.bridges.admissionGrace", `at least "5m"`},
		{"a drain longer than a hook's heartbeats", func(doc map[string]any) {
			set("bridges.hookTimeout", "3m")(doc)
			set("bridges.drainLimit", "5h1m")(doc)
		}, "fleet.bridges.drainLimit", `at most "5h"`},
		{"a drain longer than 48 hours", set("bridges.drainLimit", "48h1m"), "fleet.bridges.drainLimit", `to "48h"`},
		{"a third way at the drain limit", set("bridges.atDrainLimit", "kill"), "fleet.bridges.atDrainLimit", `"hold" or "move"`},

		{"more free recorders than there can be", set("jibris.free", 21), "fleet.jibris.free", "from 0 to 20"},
		{"fewer recorders than are kept free", func(doc map[string]any) {
			set("jibris.free", 3)(doc)
			set("jibris.min", 2)(doc)
		}, "fleet.jibris.min", "from 3 to 20"},
		{"recorders kept free where there are none", set("jibris.max", 0), "fleet.jibris.free", "nothing of recorders"},
		{"a minimum of recorders where there are none", set("jibris.max", 0), "fleet.jibris.min", "nothing of recorders"},
		{"no instance type of recorders", set("jibris.instanceTypes", []any{}), "fleet.jibris.instanceTypes", "at least one"},
		{"recorders of two architectures", set("jibris.instanceTypes", []any{"c7i.xlarge", "c7g.xlarge"}), "fleet.jibris.instanceTypes[1]", "x86_64"},
		{"a floor above half of the recorders' disk", set("jibris.diskFloorGiB", 51), "fleet.jibris.diskFloorGiB", "from 1 to 50"},
		{"recorders retired on a time too short to be known without gaps", set("jibris.retireAfter", "2m"), "fleet.jibris.retireAfter", "3m"},
		{"a recorder given up while it boots", set("jibris.admissionGrace", "2m"), "fleet.jibris.admissionGrace", "bootTime"},
		{"a recorder's grace longer than the hook holds", func(doc map[string]any) {
			set("jibris.admissionGrace", "2h")(doc)
			set("bridges.hookTimeout", "1m")(doc)
		}, "fleet.jibris.admissionGrace", "hookTimeout"},
		{"recordings that move before S3 lets them", set("recordings.cheaperAfterDays", 29), "fleet.recordings.cheaperAfterDays", "from 30"},
		{"a negative age of moving", set("recordings.cheaperAfterDays", -1), "fleet.recordings.cheaperAfterDays", "from 30"},
		{"recordings that expire when they move", set("recordings.expireAfterDays", 30), "fleet.recordings.expireAfterDays", "from 31"},
		{"a negative age of expiry", func(doc map[string]any) {
			set("recordings.cheaperAfterDays", 0)(doc)
			set("recordings.expireAfterDays", -1)(doc)
		}, "fleet.recordings.expireAfterDays", "from 1"},
		{"a minimum of recorders above the maximum", func(doc map[string]any) {
			set("jibris.free", 3)(doc)
			set("jibris.min", 21)(doc)
		}, "fleet.jibris.min", "from 3 to 20"},
		{"figures stale before three polls", set("intervals.staleAfter", "5s"), "fleet.intervals.staleAfter", `from "6s"`},
		{"sick before three polls", set("intervals.sickAfter", "5s"), "fleet.intervals.sickAfter", `from "6s"`},
		{"an address with a name", set("alerts.email", []any{"Ops <ops@example.org>"}), "fleet.alerts.email[0]", "bare"},
		{"an address without a host", set("alerts.email", []any{"ops"}), "fleet.alerts.email[0]", "bare"},
		{"an address of both lists", set("alerts", map[string]any{"email": []any{"ops@example.org"}, "pageEmail": []any{"Ops@example.org"}}), "fleet.alerts.pageEmail[0]", "the same"},
		{"a budget below nothing", set("alerts.monthlyBudgetUSD", -1), "fleet.alerts.monthlyBudgetUSD", "0"},
		{"an address twice", set("alerts.email", []any{"ops@example.org", "Ops@example.org"}), "fleet.alerts.email[1]", "the same"},
		{"a tag of AWS", func(doc map[string]any) { doc["tags"] = map[string]any{"AWS:x": "y"} }, `fleet.tags["AWS:x"]`, "reserved"},
		{"a tag of the fleet", func(doc map[string]any) { doc["tags"] = map[string]any{"jitsi-fleet:role": "y"} }, `fleet.tags["jitsi-fleet:role"]`, "reserved"},
		{"an empty tag", func(doc map[string]any) { doc["tags"] = map[string]any{"": "y"} }, `fleet.tags[""]`, "1 to 128"},
		{"a tag's value with a bracket", func(doc map[string]any) { doc["tags"] = map[string]any{"team": "<a>"} }, "fleet.tags.team", "value"},
		{"41 tags", func(doc map[string]any) {
			tags := map[string]any{}
			for i := range 41 {
				tags["t"+strings.Repeat("x", i)] = "y"
			}
			doc["tags"] = tags
		}, "fleet.tags", "at most 40"},

		{"a schedule without a name", schedule("name", ""), "fleet.schedules[0].name", "name"},
		{"a schedule in an unknown zone", schedule("timeZone", "Europe/Jena"), "fleet.schedules[0].timeZone", "IANA"},
		{"a schedule in the machine's own zone", schedule("timeZone", "Local"), "fleet.schedules[0].timeZone", "IANA"},
		{"a schedule on no day", schedule("days", []any{}), "fleet.schedules[0].days", "weekday"},
		{"a schedule on one day twice", schedule("days", []any{"mon", "mon"}), "fleet.schedules[0].days[1]", "the same"},
		{"a schedule on an unknown day", schedule("days", []any{"monday"}), "fleet.schedules[0].days[0]", `"mon"`},
		{"a schedule without a beginning", schedule("from", "00:0"), "fleet.schedules[0].from", "time of day"},
		{"a schedule that begins at the day's end", schedule("from", "24:00"), "fleet.schedules[0].from", "00:00"},
		{"a schedule that ends at minute 60", schedule("to", "09:60"), "fleet.schedules[0].to", "time of day"},
		{"a schedule that ends when it begins", schedule("to", "08:55"), "fleet.schedules[0].to", "24:00"},
		{"a schedule that sets nothing", schedule("values", map[string]any{}), "fleet.schedules[0].values", "at least one"},
		{"a schedule below the bounds", schedule("values", map[string]any{"minBridges": 1}), "fleet.schedules[0].values.minBridges", "from 2 to 20"},
		{"a schedule above the bounds", schedule("values", map[string]any{"maxBridges": 21}), "fleet.schedules[0].values.maxBridges", "from 2 to 20"},
		{"a schedule with a target at the threshold", schedule("values", map[string]any{"targetStress": 0.8}), "fleet.schedules[0].values.targetStress", "Jicofo"},
		{"a schedule with a negative spare", schedule("values", map[string]any{"spareBridges": -1}), "fleet.schedules[0].values.spareBridges", "from 0"},
		{"a schedule with too many free recorders", schedule("values", map[string]any{"freeJibris": 21}), "fleet.schedules[0].values.freeJibris", "from 0 to 20"},
		{"a schedule's minimum above its maximum", schedule("values", map[string]any{"minBridges": 5, "maxBridges": 4}), "fleet.schedules[0].values.minBridges", "at most 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := problems(t, c.edit)
			require.Contains(t, pathsOf(found), c.path, "%v", found)
			var mends []string
			for _, p := range found {
				if p.Path == c.path {
					mends = append(mends, p.Mend)
				}
			}
			assert.Contains(t, strings.Join(mends, "\n"), c.mend)
		})
	}
}

func TestOneProblemHidesNoOther(t *testing.T) {
	assert.Equal(t, []string{"fleet.bridges.admissionGrace", "fleet.bridges.bootTime", "fleet.bridges.min", "fleet.bridges.spare"},
		refused(t, set("bridges.min", 21), set("bridges.spare", 19), set("bridges.bootTime", "31m")))
	assert.Equal(t, []string{"fleet.bridges.max", "fleet.bridges.min", "fleet.bridges.spare"},
		refused(t, set("bridges.max", 0), set("bridges.spare", 2)))
}

func TestAGroupOfAFixedSizeNeedsNoBridgeToDrain(t *testing.T) {
	assert.Empty(t, refused(t, set("bridges.min", 3), set("bridges.max", 3), set("bridges.spare", 3)))
	assert.Empty(t, refused(t, set("bridges.spare", 18.75)), "the most with which one can be drained")
}

func TestASignalNodeAndItsSuccessorNeedAddressesBesideTheRecorders(t *testing.T) {
	small := set("network.cidr", "10.64.0.0/20")
	assert.Empty(t, refused(t, small, set("jibris.max", 448-2*2-2)))
	assert.Equal(t, []string{"fleet.network.cidr"}, refused(t, small, set("jibris.max", 448-2*2-1)))
}

func TestAFleetWithoutRecordersSaysSoInThreeNumbers(t *testing.T) {
	assert.Empty(t, refused(t, set("jibris.max", 0), set("jibris.free", 0), set("jibris.min", 0)))
	assert.Equal(t, []string{"fleet.jibris.free", "fleet.jibris.min"}, refused(t, set("jibris.max", 0)))
}

func TestRecordingsCanBeLeftAsTheyAreForEver(t *testing.T) {
	assert.Empty(t, refused(t, set("recordings.cheaperAfterDays", 0), set("recordings.expireAfterDays", 0)))
	assert.Empty(t, refused(t, set("recordings.cheaperAfterDays", 0), set("recordings.expireAfterDays", 1)))
}

func TestWhatLiesBelowAPath(t *testing.T) {
	for path, want := range map[string]bool{"a.b": true, "a.b.c": true, "a.b[0]": true, "a.bc": false, "a": false, "a.b-c": false} {
		assert.Equal(t, want, within(path, "a.b"), path)
	}
}

func TestTwoSchedulesOfOneNameAreTold(t *testing.T) {
	one := map[string]any{"name": "hour", "days": []any{"mon"}, "from": "08:55", "to": "09:10", "values": map[string]any{"minBridges": 4}}
	assert.Equal(t, []string{"fleet.schedules[1].name"}, refused(t, func(doc map[string]any) { doc["schedules"] = []any{one, one} }))
}

func TestMoreSchedulesThanALambdaCanCarryAreTold(t *testing.T) {
	found := problems(t, func(doc map[string]any) {
		var all []any
		for i := range 20 {
			all = append(all, map[string]any{"name": "hour " + strings.Repeat("x", i+1), "days": []any{"mon"}, "from": "08:55", "to": "09:10", "values": map[string]any{"minBridges": 4}})
		}
		doc["schedules"] = all
	})
	require.Equal(t, []string{"fleet.schedules"}, pathsOf(found))
	assert.Contains(t, found[0].Mend, "bytes")
}

func TestEveryFormIsTold(t *testing.T) {
	for _, c := range []struct {
		name, json string
		want       []string
	}{
		{"nothing", " ", []string{"fleet"}},
		{"no JSON", "{,}", []string{"fleet"}},
		{"a list", "[]", []string{"fleet"}},
		{"null", "null", []string{"fleet"}},
		{"two documents", "{} {}", []string{"fleet"}},
		{"each wrong kind at once", `{"fleet": 7, "domain": "meet.example.org", "hostedZone": "Z1", "network": {"cidr": "10/8", "availabilityZones": "2"},
			"shards": [{"name": "a", "id": 1.5}, 7], "bridges": {"bootTime": 240, "target": true, "instanceTypes": "c7g.large"}, "tags": []}`,
			[]string{"fleet.bridges.bootTime", "fleet.bridges.instanceTypes", "fleet.bridges.target", "fleet.fleet", "fleet.hostedZone",
				"fleet.network.availabilityZones", "fleet.network.cidr", "fleet.shards[0].id", "fleet.shards[1]", "fleet.tags"}},
		{"null where a value belongs", string(document(t, set("bridges.min", nil), set("hostedZone", nil))), []string{"fleet.bridges.min", "fleet.hostedZone"}},
		{"unknown keys at any depth", string(document(t, set("bridge", map[string]any{}), set("bridges.targt", 1), set("shards[].x y", 1))),
			[]string{"fleet.bridge", "fleet.bridges.targt", `fleet.shards[0]["x y"]`}},
		{"a key in other letters", string(document(t, set("Release", "x"))), []string{"fleet.Release"}},
		{"a key twice", strings.Replace(string(example), `"id": 1`, `"id": 1, "id": 9`, 1), []string{"fleet.shards[0].id"}},
		{"a tag twice", `{"fleet": "jitsi", "domain": "meet.example.org", "hostedZone": {"id": "Z1", "name": "example.org"}, "shards": [{"name": "a", "id": 1}], "tags": {"a": "b", "a": "c"}}`, []string{"fleet.tags.a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.json))
			assert.Equal(t, c.want, pathsOf(invalid(t, err)))
		})
	}
}

func TestAnUnknownKeyNearAKnownOneAsksWhetherThatWasMeant(t *testing.T) {
	assert.Contains(t, problems(t, set("bridges.targt", 1))[0].Mend, `did you mean "target"?`)
	assert.Contains(t, problems(t, set("bridges.MIN", 1))[0].Mend, `did you mean "min"?`)
	assert.Contains(t, problems(t, set("bridges.colour", 1))[0].Mend, "instanceTypes, min, max")
}

func TestAnErrorIsOneLineForEachProblemSortedByPath(t *testing.T) {
	_, err := Parse(document(t, set("bridges.min", 21), set("release", "latest"), set("domain", ""), set("bridges.colour", strings.Repeat("é", 99))))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	assert.True(t, strings.HasPrefix(lines[0], `fleet.bridges.colour is "é`), lines[0])
	assert.Contains(t, lines[0], "…: there is no such key")
	assert.Equal(t, "fleet.bridges.min is 21: write a whole number from 1 to 20", lines[1])
	assert.Equal(t, `fleet.domain is missing: write the public host name of the meetings, such as "meet.example.org"`, lines[2])
	assert.Equal(t, `fleet.release is "latest": write the tag of one release of the ghcr.io/jitsi images, such as "stable-11146-2"`, lines[3])
}

func TestASyntaxErrorNamesItsLine(t *testing.T) {
	_, err := Parse([]byte("{\n\"fleet\": jitsi}"))
	assert.ErrorContains(t, err, "line 2")
}

func TestDurationsAreWrittenWithoutZerosAtTheirEnd(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Minute: "4m", 6 * time.Hour: "6h", 90 * time.Second: "1m30s", 10 * time.Second: "10s", 0: "0s",
		100*time.Hour + time.Second: "100h0m1s", 20 * time.Minute: "20m", 500 * time.Millisecond: "500ms",
	} {
		text, err := json.Marshal(Duration(d))
		require.NoError(t, err)
		assert.Equal(t, `"`+want+`"`, string(text))
		var back Duration
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, d, back.D())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add([]byte(`{"fleet":"jitsi","shards":[{"id":1,"id":2}],"network":{"cidr":"fd00::/8","peers":[null]},"tags":{"a":1}}`))
	f.Add([]byte(`{"fleet":"jitsi","domain":"a.b","certificateArn":"arn:aws:acm:x:123456789012:certificate/x","shards":[{"name":"a","id":1}],
		"schedules":[{"name":"a","timeZone":"Asia/Tokyo","days":["sun"],"from":"22:00","to":"06:00","values":{"spareBridges":2.5}}],"tags":{"k":"v"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		if err != nil {
			invalid(t, err)
			assert.Zero(t, s)
			return
		}
		text, err := json.Marshal(s)
		require.NoError(t, err)
		again, err := Parse(text)
		require.NoError(t, err)
		assert.Equal(t, s, again)
	})
}
