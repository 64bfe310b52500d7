// Package settings is what an operator says about a fleet, in the context of cdk.json under "fleet", and
// what each deployed program is told of it: the env contract of every Lambda and the configuration file of
// every node. The CDK app writes these contracts and the programs read them, from one definition.
//
// It reads no environment and no file but the time zone database: callers hand it bytes and a look-up.
package settings

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and writes as Go's duration text, "4m" or "1h30m".
type Duration time.Duration

// D is the value as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String is the duration in Go's notation without the zeros at its end: "4m", not "4m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes Go's duration text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads Go's duration text.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is not a duration: write a number and a unit, such as "90s", "4m" or "1h30m"`, text)
	}
	*d = Duration(v)
	return nil
}

// Settings is the whole of what an operator decides. Defaults, units and ranges are in each field's comment;
// Parse fills the defaults and refuses what is outside the ranges.
type Settings struct {
	// Fleet names everything that is deployed: stacks, groups, parameters, the private zone.
	// Lower-case letters, digits and hyphens, 2 to 20 characters, beginning with a letter. It begins neither with
	// "aws" nor "ssm", which SSM refuses in parameter names, and is neither "ec2" nor "compute", whose .internal
	// zones are AWS's own.
	Fleet string `json:"fleet"`
	// Domain is the public host name of the meetings, "meet.example.org".
	Domain string `json:"domain"`
	// CertificateArn is an ACM certificate for Domain in the fleet's region. Either it or HostedZone is needed.
	CertificateArn string `json:"certificateArn,omitempty"`
	// HostedZone is the public Route 53 zone that holds Domain: the certificate is then made and proven by DNS
	// and Domain is pointed at the load balancer.
	HostedZone *HostedZone `json:"hostedZone,omitempty"`
	// Release is the tag of the official ghcr.io/jitsi images that every node runs. Default "stable-11146-2".
	Release string `json:"release"`
	// TimeZone is the IANA name of the zone by whose wall clock forecasts compare days. Default "UTC".
	TimeZone string  `json:"timeZone"`
	Network  Network `json:"network"`
	Edge     Edge    `json:"edge"`
	Signal   Signal  `json:"signal"`
	// Shards are the fleet's Jitsi Meet shards, 1 to 50.
	Shards     []Shard    `json:"shards"`
	Bridges    Bridges    `json:"bridges"`
	Jibris     Jibris     `json:"jibris"`
	Recordings Recordings `json:"recordings"`
	Intervals  Intervals  `json:"intervals"`
	Alerts     Alerts     `json:"alerts"`
	// Schedules change run-time values at given hours; see Schedule. More can be given at run time.
	Schedules []Schedule `json:"schedules,omitempty"`
	// Tags are put on every resource. Keys beginning with "aws:" or "jitsi-fleet:" are refused.
	Tags map[string]string `json:"tags,omitempty"`
}

// HostedZone is a public Route 53 zone of the operator's.
type HostedZone struct {
	ID   string `json:"id"`   // "Z" and 1 to 31 capitals and digits
	Name string `json:"name"` // "example.org"; Domain is it or lies under it
}

// Network is the fleet's own VPC.
type Network struct {
	// CIDR is the VPC's IPv4 range, /16 to /20. Default 10.64.0.0/16. It must clash neither with Peers nor with
	// Docker's 172.17.0.0/16 on the nodes.
	CIDR netip.Prefix `json:"cidr"`
	// AvailabilityZones is how many zones are used: 2 or 3. Default 2.
	AvailabilityZones int `json:"availabilityZones"`
	// NATGateways is how many NAT gateways there are: 1 to AvailabilityZones. Default 1.
	NATGateways int `json:"natGateways"`
	// Peers are ranges that the VPC will be connected to (offices, other VPCs); none may overlap another.
	Peers []netip.Prefix `json:"peers,omitempty"`
}

// Edge is the HAProxy nodes.
type Edge struct {
	// Slots is how many HAProxy nodes there are, each with its own fixed private address: 2 to 4. Default 2.
	Slots int `json:"slots"`
	// InstanceType of a node. Default "c7g.large".
	InstanceType string `json:"instanceType"`
	// TableSize is how many rooms the stick table holds: 1,000 to 10,000,000. Default 200,000. A room takes 240 bytes of
	// each node's memory (./scripts/measure edge): 48 MB at the default, 2.4 GB at the most.
	TableSize int `json:"tableSize"`
	// TableExpiry is how long a room without any request stays pinned: 1m to 24h. Default 10m.
	TableExpiry Duration `json:"tableExpiry"`
	// ShardLimit is how many participants a shard may have before it gets no new rooms, until it is down to nine tenths
	// of that: 0 to 100,000. Default 0, which is no limit.
	ShardLimit int `json:"shardLimit"`
	// ConnectionRate is how many connections one source may open in ten seconds: 100 to 1,000,000. Default 2,000, which
	// is a school behind one address whose lessons begin at the same moment.
	ConnectionRate int `json:"connectionRate"`
	// WarmUp is how long a new HAProxy node waits at most for its peers' table and the shards' agents before it takes
	// clients: 5s to 5m. Default 30s.
	WarmUp Duration `json:"warmUp"`
	// MendPause is how long a room that was found on two shards and mended is left alone afterwards: 2m to 24h.
	// Default 10m.
	MendPause Duration `json:"mendPause"`
}

// Signal is the signal nodes: one for each shard, with web, Prosody and Jicofo.
type Signal struct {
	// InstanceType of a node. Default "c7g.xlarge" (4 vCPU, 8 GiB: the handbook's size for a shard).
	InstanceType string `json:"instanceType"`
	// AdmissionGrace is how long a new node may take from launch to healthy before it is replaced: 1m to 2h.
	// Default 15m.
	AdmissionGrace Duration `json:"admissionGrace"`
}

// Shard is one Jitsi Meet shard.
type Shard struct {
	// Name is the shard's name for ever: lower-case letters, digits and hyphens, 1 to 20 characters.
	Name string `json:"name"`
	// ID is the shard's HAProxy server id: 1 to 4,095, never given to another shard afterwards.
	ID int `json:"id"`
	// MinBridges and MaxBridges replace Bridges.Min and Bridges.Max for this shard; 0 leaves them.
	MinBridges int `json:"minBridges,omitempty"`
	MaxBridges int `json:"maxBridges,omitempty"`
}

// Bridges is every shard's group of videobridges.
type Bridges struct {
	// InstanceTypes, the first preferred; all of one architecture. Default ["c7g.xlarge","c6g.xlarge"].
	InstanceTypes []string `json:"instanceTypes"`
	// Min and Max bound each shard's group: 1 <= Min <= Max <= 500. Default 2 and 20. All shards' bridges at their
	// maximum must find addresses in the public subnets.
	Min int `json:"min"`
	Max int `json:"max"`
	// Target is the stress that a bridge is filled to, 0.1 to below OverloadStress. Default 0.78: Jicofo avoids a
	// bridge from 0.8 on, and what the demand may do until then is the forecast's margin and Spare. Less is safer where a bridge's
	// stress is noisy, and dearer by as much.
	Target float64 `json:"target"`
	// Spare is how many bridges' worth of room is kept, among those that serve and the reserve, for what no trend foresaw:
	// 0 to Max. Default 0.5. Together with Slack at 1 or more it keeps a second bridge while nobody is there.
	Spare float64 `json:"spare"`
	// Slack is how much more room than is needed, in bridges, must remain when a bridge is released to end: the gap
	// between growing and shrinking. 0.05 to 5, and at least one participant's stress. Default 0.1.
	// Spare and Slack together are at most Max-1: no bridge could ever be released otherwise.
	Slack float64 `json:"slack"`
	// Survivors is for how many lost shards the others keep room: 0 or 1. Default 0. With 1, each shard has room for its
	// equal share of the largest other shard's load, which costs about as much as one more shard.
	Survivors int `json:"survivors"`
	// ShrinkAfter is how long the present demand's recent peak counts as if it were there: 3m to 2h. Default 3m.
	// It is known from a sample each minute without a gap of half of it, so that less than 3m could never be proven.
	ShrinkAfter Duration `json:"shrinkAfter"`
	// BootTime is from launch to serving: 30s to 30m. Default 4m. Measured for your image by the metric BootSeconds.
	BootTime Duration `json:"bootTime"`
	// ServiceLevel is how likely it shall be that what the forecast foresees suffices, 0.5 to 0.9999. Default 0.9999. More costs
	// more: at 0.5 the forecast has no margin.
	ServiceLevel float64 `json:"serviceLevel"`
	// AdmissionGrace is how long a bridge may take to become healthy before it is given up and replaced:
	// BootTime to 2h. Default 10m.
	AdmissionGrace Duration `json:"admissionGrace"`
	// DrainLimit is how long a bridge may drain once it is not needed as a reserve either, before AtDrainLimit applies: 1m to
	// 100 times HookTimeout and at most 48h, which is as long as a lifecycle hook can hold. Default 6h.
	DrainLimit Duration `json:"drainLimit"`
	// AtDrainLimit is "hold" (keep the bridge, alarm) or "move" (Jicofo moves its participants). Default "hold".
	AtDrainLimit AtDrainLimit `json:"atDrainLimit"`
	// HookTimeout is the lifecycle hooks' heartbeat timeout: 3m to 2h, which is at least three runs of the Lambda
	// that beats. Default 30m.
	HookTimeout Duration `json:"hookTimeout"`
	// DeadAfter is how long a bridge must be dead in its agent's and in Jicofo's view before it is replaced:
	// 1m to 1h. Default 3m.
	DeadAfter Duration `json:"deadAfter"`
	// QuarantineWindow is the time in which at most one bridge, or a tenth of a group, is replaced as broken:
	// 1m to 2h. Default 10m.
	QuarantineWindow Duration `json:"quarantineWindow"`
}

// AtDrainLimit is what happens to a bridge that still has participants at its drain limit.
type AtDrainLimit string

// The two ways.
const (
	Hold AtDrainLimit = "hold"
	Move AtDrainLimit = "move"
)

// OverloadStress is the stress at which Jicofo stops choosing a bridge for new participants
// (jicofo.bridge.stress-threshold, jicofo-selector/reference.conf). A target at or above it is never reached.
const OverloadStress = 0.8

// Jibris is the pool of recorders that all shards share.
type Jibris struct {
	// Free is how many idle recorders there are at any time: 0 to Max. Default 2.
	Free int `json:"free"`
	// Min and Max bound the pool: 0 <= Min <= Max <= 500, Min >= Free. Default 2 and 20. A Max of 0 deploys no recorders.
	Min int `json:"min"`
	Max int `json:"max"`
	// InstanceTypes of the recorders, all of one architecture, the preferred one first. Default ["c7i.xlarge"].
	InstanceTypes []string `json:"instanceTypes"`
	// VolumeGiB is the disk of a recorder: 30 to 2,000. An hour of 720p is about 1 GB. Default 100.
	VolumeGiB int `json:"volumeGiB"`
	// DiskFloorGiB is how much of it must be free for a recording to start: 1 to half of VolumeGiB. Default 10.
	DiskFloorGiB int `json:"diskFloorGiB"`
	// BootTime is how long a recorder takes from launch to free: 30s to 30m. Default 150s.
	BootTime Duration `json:"bootTime"`
	// AdmissionGrace is how long a recorder may take to be fit before its launch is given up. Default 10m.
	AdmissionGrace Duration `json:"admissionGrace"`
	// RetireAfter is how long there must have been more free recorders than wanted before one is retired: 3m to 24h,
	// for what was needed is known once a minute, and a gap of more than half of it is no proof. Default 5m.
	RetireAfter Duration `json:"retireAfter"`
	// ServiceLevel is how likely it shall be that the starts that the forecast foresees are all, 0.5 to 0.9999. Default 0.995.
	ServiceLevel float64 `json:"serviceLevel"`
	// JoinLimit, FinalizeLimit and StallLimit are how long a recorder may join a room (30s to 15m, default 3m), end a
	// recording (10s to 1h, default 2m), and encode without progress (10s to 15m, default 1m), before its agent
	// restarts its container. RecordingLimit is how long a recording may last before it is told: 1h to 48h. Default 12h.
	JoinLimit      Duration `json:"joinLimit"`
	FinalizeLimit  Duration `json:"finalizeLimit"`
	StallLimit     Duration `json:"stallLimit"`
	RecordingLimit Duration `json:"recordingLimit"`
}

// Recordings is what becomes of finished recordings.
type Recordings struct {
	// LateAfter is when a recording that has ended and is not in S3 is an alarm: 5m to 24h. Default 30m.
	LateAfter Duration `json:"lateAfter"`
	// CheaperAfterDays moves recordings to S3's Standard-IA storage: 30 to 3,650, or 0 for never. Default 30.
	CheaperAfterDays int `json:"cheaperAfterDays"`
	// ExpireAfterDays deletes recordings: more than CheaperAfterDays and at most 36,500, or 0 for never. Default 0.
	ExpireAfterDays int `json:"expireAfterDays"`
}

// Intervals is how often things are looked at.
type Intervals struct {
	// AgentPoll is how often an agent asks its component: 500ms to 30s. Default 2s.
	AgentPoll Duration `json:"agentPoll"`
	// AgentTimeout bounds one question to one agent: 100ms to 10s. Default 2s.
	AgentTimeout Duration `json:"agentTimeout"`
	// StaleAfter is when a component's figures are too old to prove anything: 3 times AgentPoll to 5m. Default 30s.
	StaleAfter Duration `json:"staleAfter"`
	// SickAfter is how long a component must fail before its agent says so: 3 times AgentPoll to 5m. Default 15s.
	SickAfter Duration `json:"sickAfter"`
}

// Alerts is who is told.
type Alerts struct {
	// Email addresses that are subscribed to both alert topics: pages and tickets.
	Email []string `json:"email,omitempty"`
	// PageEmail are addresses that get pages only, such as that of whoever is on duty.
	PageEmail []string `json:"pageEmail,omitempty"`
	// MonthlyBudgetUSD is the cost of a month, of everything that carries the fleet's tag, above which a ticket comes:
	// 0 to 10,000,000 USD. Default 0, which is no budget. AWS counts the tag only once it is activated for cost allocation.
	MonthlyBudgetUSD int `json:"monthlyBudgetUSD"`
}

// Schedule sets run-time values between two hours of given weekdays, in a time zone.
type Schedule struct {
	Name     string `json:"name"`
	TimeZone string `json:"timeZone"` // IANA name, "Europe/Berlin"; empty is UTC
	Days     []Day  `json:"days"`     // "mon" to "sun"
	From     Clock  `json:"from"`     // "08:55"
	To       Clock  `json:"to"`       // "09:10"; before From it ends on the next day; "24:00" is the day's end
	Values   Values `json:"values"`
}

// Values are what can be changed at run time, fleet-wide. A nil field leaves what is below it.
type Values struct {
	MinBridges   *int     `json:"minBridges,omitempty"`
	MaxBridges   *int     `json:"maxBridges,omitempty"`
	TargetStress *float64 `json:"targetStress,omitempty"`
	SpareBridges *float64 `json:"spareBridges,omitempty"`
	FreeJibris   *int     `json:"freeJibris,omitempty"`
	MinJibris    *int     `json:"minJibris,omitempty"`
	MaxJibris    *int     `json:"maxJibris,omitempty"`
}
