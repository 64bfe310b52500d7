package stacks

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const (
	edgeVolume = 10 // GiB
	debianRoot = "/dev/xvda"
	dnsPort    = 53
)

// debian is the newest Debian 12 at the moment of a launch; its HAProxy package is the one that the tests run.
// https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm
func debian(a settings.Architecture) string {
	name := map[settings.Architecture]string{settings.ARM64: "arm64", settings.X86: "amd64"}[a]
	return "resolve:ssm:/aws/service/debian/release/12/latest/" + name
}

// edge is the way in: the load balancer, and the HAProxy slots that route a room to its shard.
func (f Fleet) edge(app awscdk.App) awscdk.Stack {
	stack := f.stack(app, edge, "Load balancer and HAProxy of the Jitsi fleet "+f.Settings.Fleet)
	f.balancer(stack)
	architecture := settings.ArchitectureOf(f.Edge.InstanceType)
	boot := f.bundle(stack, "Boot", architecture)
	configuration := f.configuration(stack)
	for slot := range f.Edge.Slots {
		f.slot(stack, slot, architecture, boot, configuration)
	}
	return stack
}

// slot is one HAProxy node: a group of exactly one, so that a dead node is replaced, and a network interface with a
// fixed address that outlives its nodes, so that load balancer and peers know where it is. Each new node takes the
// interface over; while there is none, AWS gives the address to nobody else.
func (f Fleet) slot(stack awscdk.Stack, slot int, a settings.Architecture, boot, configuration bundle) {
	zone := slot % f.Network.AvailabilityZones
	subnet := f.fromNetwork(subnetExport(exportPrivate, zone))
	group := f.fromNetwork(sgEdge)
	id := fmt.Sprintf("Slot%d", slot+1)
	eni := awsec2.NewCfnNetworkInterface(stack, jsii.String(id+"Interface"), &awsec2.CfnNetworkInterfaceProps{
		SubnetId: subnet, PrivateIpAddress: jsii.String(f.SlotAddress(slot).String()), GroupSet: constructs.Anys(group),
		Description: jsii.String("Fixed address of HAProxy " + slotName(slot)), Tags: named(f.names().Stack(edge + "-" + slotName(slot))),
	})
	constructs.NewGroup(stack, id, constructs.GroupProps{
		Names: f.names(), Role: fleet.RoleEdge, Name: f.names().Stack(edge + "-" + strconv.Itoa(slot+1)),
		Image: debian(a), RootDevice: debianRoot, InstanceTypes: []string{f.Edge.InstanceType}, Min: 1, Max: 1,
		Subnets: []string{subnet}, SecurityGroup: group, VolumeGiB: edgeVolume,
		UserData:   f.slotData(stack, slot, *eni.Ref(), boot),
		Statements: slices.Concat(f.takeOver(stack, *eni.Ref()), f.nodeRights(stack, fleet.RoleEdge, boot, constructs.SecretAgent), f.readConfiguration(stack, configuration)),
	})
}

// takeOver lets a node move the slot's interface from its predecessor to itself: that interface, and instances of
// the fleet's edge only.
func (f Fleet) takeOver(stack awscdk.Stack, eni string) []constructs.Statement {
	move := []string{"ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface"}
	return []constructs.Statement{
		{Sid: "Look", Actions: []string{"ec2:DescribeNetworkInterfaces"}, Resources: []string{"*"}},
		{Sid: "Take", Actions: move, Resources: []string{constructs.ARN(stack, "ec2", "network-interface/"+eni)}},
		{
			Sid: "Nodes", Actions: move, Resources: []string{constructs.ARN(stack, "ec2", "instance/*")},
			Conditions: constructs.Equal("aws:ResourceTag/"+fleet.TagFleet, f.Settings.Fleet, "aws:ResourceTag/"+fleet.TagRole, string(fleet.RoleEdge)),
		},
	}
}

func slotName(slot int) string { return "slot-" + strconv.Itoa(slot+1) }

func (f Fleet) slotData(stack awscdk.Stack, slot int, eni string, boot bundle) string {
	u := &userData{}
	node := f.node(stack, fleet.RoleEdge, "")
	node.Slot = slotName(slot)
	node.CheckListen = netip.AddrPortFrom(f.SlotAddress(slot), settings.CheckPort).String()
	u.node(node)
	u.variable("AWS_DEFAULT_REGION", *awscdk.Aws_REGION())
	u.variable("SLOT_INTERFACE", eni)
	u.variable("SLOT_ADDRESS", f.SlotAddress(slot).String())
	// A subnet's router is at its first address.
	u.variable("SLOT_GATEWAY", f.Network.PrivateSubnets()[slot%f.Network.AvailabilityZones].Addr().Next().String())
	u.run("until apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install awscli curl; do sleep 5; done")
	u.boot(boot, "edge")
	return u.text()
}

// routing is a slot's view of the fleet.
func (f Fleet) routing(slot int) routing.Config {
	c := routing.Config{
		Self:       slotName(slot),
		Resolver:   netip.AddrPortFrom(f.Network.Resolver(), dnsPort),
		ClientPort: settings.EdgePort, StatsPort: settings.StatsPort, PeersPort: settings.PeersPort, WebPort: settings.WebPort,
		CheckPort: settings.CheckPort, ConnectionRate: f.Edge.ConnectionRate,
		Inside:    append([]netip.Prefix{f.Network.CIDR}, f.Network.Peers...),
		TableSize: f.Edge.TableSize, TableExpiry: f.Edge.TableExpiry.D(),
	}
	for i := range f.Edge.Slots {
		c.Slots = append(c.Slots, routing.Slot{Name: slotName(i), Address: f.SlotAddress(i)})
	}
	for _, s := range f.Shards {
		c.Shards = append(c.Shards, routing.Shard{Name: s.Name, ID: s.ID, Host: settings.SignalName(f.Settings.Fleet, s.Name)})
	}
	return c
}
