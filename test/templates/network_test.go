//go:build !race

package templates

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestTemplatesNameNoAccountNoRegionAndNoParameter(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for stack, tpl := range a.templates {
			assert.Empty(t, tpl.Parameters, stack)
		}
		for s := range a.of("AWS::EC2::Subnet") {
			assert.Equal(t, map[string]any{"Fn::GetAZs": ""}, at(s.Properties, "AvailabilityZone", "Fn::Select", 1), s.name())
		}
	})
}

func TestSubnetsAreTheSettings(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		var got []netip.Prefix
		for s := range a.of("AWS::EC2::Subnet") {
			got = append(got, netip.MustParsePrefix(s.Properties["CidrBlock"].(string)))
			assert.Equal(t, false, s.Properties["MapPublicIpOnLaunch"], s.name())
		}
		want := append(a.settings.Network.PublicSubnets(), a.settings.Network.PrivateSubnets()...)
		assert.ElementsMatch(t, want, got)
		var nat int
		for range a.of("AWS::EC2::NatGateway") {
			nat++
		}
		assert.Equal(t, a.settings.Network.NATGateways, nat)
	})
}

// opening is one way into a security group.
type opening struct{ to, from, protocol string }

func TestWhoMaySpeakToWhomIsThisListAndNothingElse(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		var got []opening
		for r := range a.of("AWS::EC2::SecurityGroupIngress") {
			require.Equal(t, r.Properties["FromPort"], r.Properties["ToPort"], r.name())
			from, ok := r.Properties["CidrIp"].(string)
			if !ok {
				from = at(r.Properties, "SourceSecurityGroupId", "Fn::GetAtt", 0).(string)
			}
			got = append(got, opening{
				at(r.Properties, "GroupId", "Fn::GetAtt", 0).(string), from,
				fmt.Sprintf("%s/%.0f", r.Properties["IpProtocol"], r.Properties["FromPort"]),
			})
		}
		for g := range a.of("AWS::EC2::SecurityGroup") {
			assert.NotContains(t, g.Properties, "SecurityGroupIngress", g.name())
		}
		tcp := func(port int) string { return fmt.Sprintf("tcp/%d", port) }
		assert.ElementsMatch(t, []opening{
			{"BalancerSecurityGroup", "0.0.0.0/0", "tcp/443"},
			{"EdgeSecurityGroup", "BalancerSecurityGroup", tcp(settings.EdgePort)},
			{"EdgeSecurityGroup", "EdgeSecurityGroup", tcp(settings.PeersPort)},
			{"SignalSecurityGroup", "EdgeSecurityGroup", tcp(settings.WebPort)},
			{"SignalSecurityGroup", "EdgeSecurityGroup", tcp(settings.CheckPort)},
			{"SignalSecurityGroup", "BridgesSecurityGroup", tcp(settings.XMPPPort)},
			{"SignalSecurityGroup", "ControlSecurityGroup", tcp(settings.AgentPort)},
			{"EdgeSecurityGroup", "ControlSecurityGroup", tcp(settings.AgentPort)},
			{"BridgesSecurityGroup", "ControlSecurityGroup", tcp(settings.AgentPort)},
			{"BridgesSecurityGroup", "0.0.0.0/0", fmt.Sprintf("udp/%d", settings.MediaPort)},
			{"SignalSecurityGroup", "JibrisSecurityGroup", tcp(settings.XMPPPort)},
			{"JibrisSecurityGroup", "ControlSecurityGroup", tcp(settings.AgentPort)},
		}, got)
	})
}

func TestTheLoadBalancerHandsTLSToEverySlotWithTheClientsAddress(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for l := range a.of("AWS::ElasticLoadBalancingV2::Listener") {
			assert.Equal(t, "TLS", l.Properties["Protocol"])
			assert.Contains(t, l.Properties["SslPolicy"], "TLS13")
			assert.NotNil(t, at(l.Properties, "Certificates", 0, "CertificateArn"))
		}
		var targets []string
		for g := range a.of("AWS::ElasticLoadBalancingV2::TargetGroup") {
			for _, target := range list(g.Properties["Targets"]) {
				targets = append(targets, at(target, "Id").(string))
			}
			assert.True(t, slices.ContainsFunc(list(g.Properties["TargetGroupAttributes"]), func(v any) bool {
				return at(v, "Key") == "proxy_protocol_v2.enabled" && at(v, "Value") == "true"
			}))
		}
		var held []string
		for r := range a.of("AWS::EC2::NetworkInterface") {
			held = append(held, r.Properties["PrivateIpAddress"].(string))
			assert.Contains(t, a.resolve(r.Stack, at(r.Properties, "GroupSet", 0)), ".EdgeSecurityGroup.", r.name())
		}
		var slots []string
		for k := range a.settings.Edge.Slots {
			slots = append(slots, a.settings.SlotAddress(k).String())
		}
		assert.Equal(t, slots, targets)
		assert.ElementsMatch(t, slots, held)
	})
}

func TestTheCertificateIsTheOperatorsOrProvenInTheOperatorsZone(t *testing.T) {
	count := func(a assembly, kind string) (n int) {
		for range a.of(kind) {
			n++
		}
		return n
	}
	assert.Equal(t, 1, count(deployed, "AWS::CertificateManager::Certificate"))
	assert.Equal(t, 1, count(deployed, "AWS::Route53::RecordSet"))
	assert.Equal(t, 0, count(wider, "AWS::CertificateManager::Certificate"))
	assert.Equal(t, 0, count(wider, "AWS::Route53::RecordSet"))
	for l := range wider.of("AWS::ElasticLoadBalancingV2::Listener") {
		assert.Equal(t, wider.settings.CertificateArn, at(l.Properties, "Certificates", 0, "CertificateArn"))
	}
}

func TestThePrivateZoneBelongsToTheVPC(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for z := range a.of("AWS::Route53::HostedZone") {
			assert.Equal(t, settings.ZoneName(a.settings.Fleet), z.Properties["Name"])
			assert.Equal(t, "Vpc", at(z.Properties, "VPCs", 0, "VPCId", "Ref"))
		}
	})
}

func TestBucketsArePrivateEncryptedKeptAndTakeNothingWithoutTLS(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		guarded := map[string]bool{}
		for p := range a.of("AWS::S3::BucketPolicy") {
			for _, s := range a.statements(p.Stack, p.Properties["PolicyDocument"]) {
				bucket := p.Stack + "." + at(p.Properties, "Bucket", "Ref").(string) + ".Arn"
				if s.Effect == "Deny" && s.Conditions["Bool"]["aws:SecureTransport"] == "false" {
					guarded[bucket] = matches(s.Actions, "s3:GetObject") && matches(s.Resources, bucket+"/an object") && matches(s.Resources, bucket)
				}
			}
		}
		for b := range a.of("AWS::S3::Bucket") {
			assert.Equal(t, "Retain", b.DeletionPolicy, b.name())
			assert.True(t, guarded[a.attribute(b.Stack, b.ID, "Arn")], b.name())
			assert.NotEmpty(t, at(b.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration"), b.name())
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				assert.Equal(t, true, at(b.Properties, "PublicAccessBlockConfiguration", block), b.name())
			}
		}
		var logs int
		for l := range a.of("AWS::EC2::FlowLog") {
			logs++
			assert.Equal(t, "s3", l.Properties["LogDestinationType"])
			assert.Equal(t, "Vpc", at(l.Properties, "ResourceId", "Ref"))
		}
		assert.Equal(t, 1, logs)
	})
}
