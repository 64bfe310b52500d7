package stacks

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// The security groups, by what is in them. Each is exported under this name.
const (
	sgBalancer = "BalancerSecurityGroup"
	sgControl  = "ControlSecurityGroup"
	sgEdge     = "EdgeSecurityGroup"
	sgSignal   = "SignalSecurityGroup"
	sgBridges  = "BridgesSecurityGroup"
	sgJibris   = "JibrisSecurityGroup"
)

// opening is one way in. From is a security group's name or everywhere.
type opening struct {
	to, from, protocol string
	port               float64
	why                string
}

// openings is the whole of who may speak to whom. Components' own APIs are not in it: they listen on loopback.
var openings = []opening{
	{sgBalancer, everywhere, "tcp", httpsPort, "meetings, from everywhere"},
	{sgEdge, sgBalancer, "tcp", settings.EdgePort, "clients and health checks, from the load balancer"},
	{sgEdge, sgEdge, "tcp", settings.PeersPort, "stick tables of the other slots"},
	{sgSignal, sgEdge, "tcp", settings.WebPort, "clients, from HAProxy"},
	{sgSignal, sgEdge, "tcp", settings.CheckPort, "agent checks, from HAProxy"},
	{sgSignal, sgBridges, "tcp", settings.XMPPPort, "bridges join their shard's brewery"},
	{sgSignal, sgControl, "tcp", settings.AgentPort, "the control plane asks the node agent"},
	{sgEdge, sgControl, "tcp", settings.AgentPort, "the control plane asks the node agent"},
	{sgBridges, sgControl, "tcp", settings.AgentPort, "the control plane asks the node agent"},
	{sgBridges, everywhere, "udp", settings.MediaPort, "media, from everywhere and from other bridges"},
}

// recorderOpenings are those of a fleet with recorders. Nothing speaks to a recorder but the control plane.
var recorderOpenings = []opening{
	{sgSignal, sgJibris, "tcp", settings.XMPPPort, "recorders join every shard's brewery"},
	{sgJibris, sgControl, "tcp", settings.AgentPort, "the control plane asks the node agent"},
}

const httpsPort = 443

type securityGroup struct{ name, description string }

var securityGroups = []securityGroup{
	{sgBalancer, "Load balancer"},
	{sgControl, "Lambdas of the control plane; nothing comes in"},
	{sgEdge, "HAProxy nodes"},
	{sgSignal, "Signal nodes: web, Prosody, Jicofo"},
	{sgBridges, "Videobridges"},
}

func (f Fleet) securityGroups(stack awscdk.Stack, vpc string) {
	ids := map[string]string{}
	groups, ways := securityGroups, openings
	if f.records() {
		groups, ways = append(slices.Clone(groups), securityGroup{sgJibris, "Recorders"}), append(slices.Clone(ways), recorderOpenings...)
	}
	for _, g := range groups {
		group := awsec2.NewCfnSecurityGroup(stack, jsii.String(g.name), &awsec2.CfnSecurityGroupProps{
			GroupDescription: jsii.String(g.description), VpcId: vpc, Tags: named(f.Settings.Fleet + "-" + g.name),
			SecurityGroupEgress: []any{&awsec2.CfnSecurityGroup_EgressProperty{
				IpProtocol: jsii.String("-1"), CidrIp: jsii.String(everywhere), Description: jsii.String("all"),
			}},
		})
		ids[g.name] = *group.AttrGroupId()
		constructs.Export(stack, g.name, *group.AttrGroupId())
	}
	for _, o := range ways {
		f.open(stack, o, ids)
	}
}

func (f Fleet) open(stack awscdk.Stack, o opening, ids map[string]string) {
	props := &awsec2.CfnSecurityGroupIngressProps{
		GroupId: ids[o.to], IpProtocol: jsii.String(o.protocol), FromPort: jsii.Number(o.port), ToPort: jsii.Number(o.port),
		Description: jsii.String(o.why),
	}
	id := o.to + "From" + o.from
	if o.from == everywhere {
		id = o.to + "FromEverywhere"
		props.CidrIp = jsii.String(everywhere)
	} else {
		props.SourceSecurityGroupId = ids[o.from]
	}
	rule := awsec2.NewCfnSecurityGroupIngress(stack, jsii.String(portID(id, o.port)), props)
	if o.from == everywhere {
		constructs.Justify(rule, constructs.Finding{Rule: "AwsSolutions-EC23", Reason: "Open to the world on purpose: " + o.why + "."})
	}
}

func portID(id string, port float64) string { return fmt.Sprintf("%sPort%.0f", id, port) }
