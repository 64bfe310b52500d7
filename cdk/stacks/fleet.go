// Package stacks says what is deployed: one file for each CloudFormation stack. The templates name no account and no
// region, and stacks find each other by agreed names, so that adding a shard changes neither the network nor the
// control stack.
package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// The stacks' parts of the name, behind the fleet's.
const (
	network    = "network"
	control    = "control"
	edge       = "edge"
	jibri      = "jibri"
	monitoring = "monitoring"
)

// Fleet is what every stack is made from.
type Fleet struct {
	settings.Settings
	Built Built
}

// Built says where ./scripts/build put what the fleet runs.
type Built interface {
	// Lambda is the folder with the bootstrap of the Lambda of that name.
	Lambda(name string) string
	// Boot is the folder that nodes of an architecture load: the agent and the boot scripts.
	Boot(a settings.Architecture) string
}

// Deploy puts every stack of the fleet into the app, each after those that it stands on.
func Deploy(app awscdk.App, f Fleet) {
	base := f.network(app)
	controls := f.control(app)
	controls.AddStackDependency(base, nil)
	edges := f.edge(app)
	edges.AddStackDependency(controls, nil)
	if f.records() {
		f.jibri(app).AddStackDependency(controls, nil)
	}
	watch := f.monitoring(app)
	watch.AddStackDependency(controls, nil)
	watch.AddStackDependency(edges, nil)
	for _, shard := range f.Shards {
		f.shard(app, shard).AddStackDependency(controls, nil)
	}
}

// stack is one stack of the fleet, with the operator's tags.
func (f Fleet) stack(app awscdk.App, part, description string) awscdk.Stack {
	stack := awscdk.NewStack(app, jsii.String(f.names().Stack(part)), &awscdk.StackProps{
		StackName:   jsii.String(f.names().Stack(part)),
		Description: jsii.String(description),
		// The rule would add a template parameter that is read from SSM in every stack. The CDK CLI checks the
		// bootstrap stack's version before it deploys all the same.
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
			GenerateBootstrapVersionRule: jsii.Bool(false),
		}),
	})
	for _, key := range slices.Sorted(maps.Keys(f.Tags)) {
		awscdk.Tags_Of(stack).Add(jsii.String(key), jsii.String(f.Tags[key]), nil)
	}
	return stack
}

// records reports whether the fleet has recorders at all; without, nothing of them is deployed.
func (f Fleet) records() bool { return f.Jibris.Max > 0 }

func (f Fleet) names() constructs.Names { return constructs.Names{Fleet: f.Settings.Fleet} }

// fromNetwork is an id that the network stack exported.
func (f Fleet) fromNetwork(name string) string {
	return constructs.Import(f.names().Stack(network), name)
}

// subnets are the ids of all zones' subnets of a kind, "Public" or "Private".
func (f Fleet) subnets(kind string) []string {
	ids := make([]string, f.Network.AvailabilityZones)
	for zone := range ids {
		ids[zone] = f.fromNetwork(subnetExport(kind, zone))
	}
	return ids
}
