package stacks

import (
	"fmt"
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// What the network stack exports, besides its subnets.
const (
	vpcID         = "Vpc"
	privateZoneID = "PrivateZone"
	exportPublic  = "Public"
	exportPrivate = "Private"
)

const everywhere = "0.0.0.0/0"

func subnetExport(kind string, zone int) string { return fmt.Sprintf("%sSubnet%d", kind, zone+1) }

// network is the VPC and what everything else stands in: subnets, ways out, security groups, the private zone.
func (f Fleet) network(app awscdk.App) awscdk.Stack {
	stack := f.stack(app, network, "VPC, security groups and private zone of the Jitsi fleet "+f.Settings.Fleet)
	vpc := awsec2.NewCfnVPC(stack, jsii.String("Vpc"), &awsec2.CfnVPCProps{
		CidrBlock: jsii.String(f.Network.CIDR.String()), EnableDnsHostnames: true, EnableDnsSupport: true,
		Tags: named(f.Settings.Fleet),
	})
	id := *vpc.Ref()
	constructs.Export(stack, vpcID, id)

	gateway := awsec2.NewCfnInternetGateway(stack, jsii.String("InternetGateway"), &awsec2.CfnInternetGatewayProps{Tags: named(f.Settings.Fleet)})
	attachment := awsec2.NewCfnVPCGatewayAttachment(stack, jsii.String("InternetGatewayAttachment"), &awsec2.CfnVPCGatewayAttachmentProps{
		VpcId: id, InternetGatewayId: *gateway.Ref(),
	})
	public := f.publicSubnets(stack, id, gateway, attachment)
	private := f.privateSubnets(stack, id, f.ways(stack, public, attachment))
	f.endpoints(stack, id, append(public.tables, private.tables...))
	flowLogs(stack, id)
	f.securityGroups(stack, id)

	zone := awsroute53.NewCfnHostedZone(stack, jsii.String("PrivateZone"), &awsroute53.CfnHostedZoneProps{
		Name:             jsii.String(settings.ZoneName(f.Settings.Fleet)),
		HostedZoneConfig: &awsroute53.CfnHostedZone_HostedZoneConfigProperty{Comment: jsii.String("One name for each shard's signal node")},
		Vpcs:             []any{&awsroute53.CfnHostedZone_VPCProperty{VpcId: vpc.Ref(), VpcRegion: awscdk.Aws_REGION()}},
	})
	constructs.Export(stack, privateZoneID, *zone.Ref())
	return stack
}

// subnets are one kind's subnets, one for each zone, and their route tables.
type subnets struct{ ids, tables []string }

func (f Fleet) publicSubnets(stack awscdk.Stack, vpc string, gateway awsec2.CfnInternetGateway, attachment awsec2.CfnVPCGatewayAttachment) subnets {
	table := awsec2.NewCfnRouteTable(stack, jsii.String("PublicRoutes"), &awsec2.CfnRouteTableProps{VpcId: vpc, Tags: named(f.Settings.Fleet + "-public")})
	route := awsec2.NewCfnRoute(stack, jsii.String("PublicRoute"), &awsec2.CfnRouteProps{
		RouteTableId: *table.Ref(), DestinationCidrBlock: jsii.String(everywhere), GatewayId: *gateway.Ref(),
	})
	route.AddResourceDependency(attachment, nil)
	out := subnets{tables: []string{*table.Ref()}}
	for zone, cidr := range f.Network.PublicSubnets() {
		out.ids = append(out.ids, f.subnet(stack, exportPublic, vpc, zone, cidr, *table.Ref()))
	}
	return out
}

// ways are the NAT gateways, each in a public subnet of its own.
func (f Fleet) ways(stack awscdk.Stack, public subnets, attachment awsec2.CfnVPCGatewayAttachment) []string {
	gateways := make([]string, f.Network.NATGateways)
	for i := range gateways {
		address := awsec2.NewCfnEIP(stack, jsii.String(fmt.Sprintf("NatAddress%d", i+1)), &awsec2.CfnEIPProps{Domain: jsii.String("vpc"), Tags: named(f.Settings.Fleet + "-nat")})
		address.AddResourceDependency(attachment, nil)
		nat := awsec2.NewCfnNatGateway(stack, jsii.String(fmt.Sprintf("Nat%d", i+1)), &awsec2.CfnNatGatewayProps{
			AllocationId: *address.AttrAllocationId(), SubnetId: public.ids[i], Tags: named(f.Settings.Fleet),
		})
		gateways[i] = *nat.Ref()
	}
	return gateways
}

func (f Fleet) privateSubnets(stack awscdk.Stack, vpc string, gateways []string) subnets {
	var out subnets
	for zone, cidr := range f.Network.PrivateSubnets() {
		table := awsec2.NewCfnRouteTable(stack, jsii.String(fmt.Sprintf("PrivateRoutes%d", zone+1)), &awsec2.CfnRouteTableProps{VpcId: vpc, Tags: named(f.Settings.Fleet + "-private")})
		awsec2.NewCfnRoute(stack, jsii.String(fmt.Sprintf("PrivateRoute%d", zone+1)), &awsec2.CfnRouteProps{
			RouteTableId: *table.Ref(), DestinationCidrBlock: jsii.String(everywhere), NatGatewayId: gateways[zone%len(gateways)],
		})
		out.tables = append(out.tables, *table.Ref())
		out.ids = append(out.ids, f.subnet(stack, exportPrivate, vpc, zone, cidr, *table.Ref()))
	}
	return out
}

// subnet makes one zone's subnet. None gives public addresses by itself: the groups that need one ask for it.
func (f Fleet) subnet(stack awscdk.Stack, kind, vpc string, zone int, cidr netip.Prefix, table string) string {
	name := subnetExport(kind, zone)
	subnet := awsec2.NewCfnSubnet(stack, jsii.String(name), &awsec2.CfnSubnetProps{
		VpcId: vpc, CidrBlock: jsii.String(cidr.String()), AvailabilityZone: constructs.Zone(zone), MapPublicIpOnLaunch: false,
		Tags: named(fmt.Sprintf("%s-%s-%d", f.Settings.Fleet, kind, zone+1)),
	})
	awsec2.NewCfnSubnetRouteTableAssociation(stack, jsii.String(name+"Routes"), &awsec2.CfnSubnetRouteTableAssociationProps{
		SubnetId: *subnet.Ref(), RouteTableId: jsii.String(table),
	})
	constructs.Export(stack, name, *subnet.Ref())
	return *subnet.Ref()
}

// endpoints keep traffic to S3 and DynamoDB inside AWS, at no cost.
func (f Fleet) endpoints(stack awscdk.Stack, vpc string, tables []string) {
	for _, service := range []string{"s3", "dynamodb"} {
		awsec2.NewCfnVPCEndpoint(stack, jsii.String(constructs.Pascal(service)+"Endpoint"), &awsec2.CfnVPCEndpointProps{
			VpcId: vpc, VpcEndpointType: jsii.String("Gateway"), RouteTableIds: constructs.Anys(tables...),
			ServiceName: jsii.String("com.amazonaws." + *awscdk.Aws_REGION() + "." + service),
		})
	}
}

func named(name string) *[]*awscdk.CfnTag {
	return &[]*awscdk.CfnTag{{Key: jsii.String("Name"), Value: jsii.String(name)}}
}
