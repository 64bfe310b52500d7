package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// tlsPolicy speaks TLS 1.3 and 1.2 and nothing older.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/network/describe-ssl-policies.html
const tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"

// balancer ends TLS and hands connections to the slots, with the client's address in a PROXY protocol header.
func (f Fleet) balancer(stack awscdk.Stack) {
	subnets := f.subnets(exportPublic)
	balancer := elb.NewCfnLoadBalancer(stack, jsii.String("Balancer"), &elb.CfnLoadBalancerProps{
		Name: jsii.String(f.names().Stack(edge)), Type: jsii.String("network"), Scheme: jsii.String("internet-facing"),
		Subnets: constructs.Anys(subnets...), SecurityGroups: constructs.Anys(f.fromNetwork(sgBalancer)),
		LoadBalancerAttributes: []any{&elb.CfnLoadBalancer_LoadBalancerAttributeProperty{
			Key: jsii.String("load_balancing.cross_zone.enabled"), Value: jsii.String("true"),
		}},
	})
	constructs.Justify(balancer, constructs.Finding{Rule: "AwsSolutions-ELB2", Reason: "HAProxy logs each request behind it; the VPC's flow logs have the connections."})
	targets := f.targets(stack)
	elb.NewCfnListener(stack, jsii.String("Https"), &elb.CfnListenerProps{
		LoadBalancerArn: *balancer.Ref(), Port: jsii.Number(httpsPort), Protocol: jsii.String("TLS"), SslPolicy: jsii.String(tlsPolicy),
		Certificates:   []any{&elb.CfnListener_CertificateProperty{CertificateArn: jsii.String(f.certificate(stack))}},
		DefaultActions: []any{&elb.CfnListener_ActionProperty{Type: jsii.String("forward"), TargetGroupArn: targets.Ref()}},
	})
	if f.HostedZone != nil {
		awsroute53.NewCfnRecordSet(stack, jsii.String("Domain"), &awsroute53.CfnRecordSetProps{
			HostedZoneId: jsii.String(f.HostedZone.ID), Name: jsii.String(f.Domain), Type: jsii.String("A"),
			AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
				DnsName: balancer.AttrDnsName(), HostedZoneId: balancer.AttrCanonicalHostedZoneId(),
			},
		})
	}
	awscdk.NewCfnOutput(stack, jsii.String("BalancerName"), &awscdk.CfnOutputProps{
		Value: balancer.AttrDnsName(), Description: jsii.String("Point " + f.Domain + " here"),
	})
}

// targets are the slots' fixed addresses, present or not: the health check decides who gets clients.
func (f Fleet) targets(stack awscdk.Stack) elb.CfnTargetGroup {
	var slots []any
	for slot := range f.Edge.Slots {
		slots = append(slots, &elb.CfnTargetGroup_TargetDescriptionProperty{
			Id: jsii.String(f.SlotAddress(slot).String()), Port: jsii.Number(settings.EdgePort),
		})
	}
	return elb.NewCfnTargetGroup(stack, jsii.String("Slots"), &elb.CfnTargetGroupProps{
		VpcId: f.fromNetwork(vpcID), Protocol: jsii.String("TCP"), Port: jsii.Number(settings.EdgePort), TargetType: jsii.String("ip"), Targets: slots,
		HealthCheckProtocol: jsii.String("HTTP"), HealthCheckPath: jsii.String(routing.HealthPath), HealthCheckPort: jsii.String("traffic-port"),
		HealthCheckIntervalSeconds: jsii.Number(10), HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(2),
		TargetGroupAttributes: attributes("proxy_protocol_v2.enabled", "true", "preserve_client_ip.enabled", "false",
			"deregistration_delay.timeout_seconds", "60", "deregistration_delay.connection_termination.enabled", "true",
			// A slot that leaves says so by failing its health check; what is open then goes on until it ends.
			"target_health_state.unhealthy.connection_termination.enabled", "false"),
	})
}

// certificateARN is the export of the certificate that the fleet made.
const certificateARN = "CertificateArn"

// certificate is the operator's, or one that is proven by DNS in the operator's zone.
func (f Fleet) certificate(stack awscdk.Stack) string {
	if f.CertificateArn != "" {
		return f.CertificateArn
	}
	certificate := awscertificatemanager.NewCfnCertificate(stack, jsii.String("Certificate"), &awscertificatemanager.CfnCertificateProps{
		DomainName: jsii.String(f.Domain), ValidationMethod: jsii.String("DNS"),
		DomainValidationOptions: []any{&awscertificatemanager.CfnCertificate_DomainValidationOptionProperty{
			DomainName: jsii.String(f.Domain), HostedZoneId: jsii.String(f.HostedZone.ID),
		}},
	})
	constructs.Export(stack, certificateARN, *certificate.Ref())
	return *certificate.Ref()
}

// attributes are a target group's, as key and value in turn.
func attributes(pairs ...string) []any {
	var out []any
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &elb.CfnTargetGroup_TargetGroupAttributeProperty{Key: jsii.String(pairs[i]), Value: jsii.String(pairs[i+1])})
	}
	return out
}
