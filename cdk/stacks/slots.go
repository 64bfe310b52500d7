package stacks

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// configuration is the archive with every slot's haproxy.cfg, and the parameter that says where it is. It is no part
// of the slots' user data: when shards come and go, the running slots take the new one over and none is replaced.
func (f Fleet) configuration(stack awscdk.Stack) bundle {
	folder, err := os.MkdirTemp("", "slots")
	if err != nil {
		panic(fmt.Sprintf("the slots' configurations cannot be written: %v", err))
	}
	defer func() { _ = os.RemoveAll(folder) }() // the asset has a copy
	for slot := range f.Edge.Slots {
		text, err := routing.Render(f.routing(slot))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, settings.EdgeFile(slotName(slot))), []byte(text), 0o600)
		}
		if err != nil {
			panic(fmt.Sprintf("the configuration of %s cannot be written: %v", slotName(slot), err))
		}
	}
	asset := awss3assets.NewAsset(stack, jsii.String("Configuration"), &awss3assets.AssetProps{Path: jsii.String(folder)})
	awsssm.NewCfnParameter(stack, jsii.String("ConfigurationPlace"), &awsssm.CfnParameterProps{
		Name: jsii.String(settings.EdgeParameter(f.Settings.Fleet)), Type: jsii.String("String"), Value: asset.S3ObjectUrl(),
	})
	return bundle{asset}
}

// readConfiguration lets a slot follow the parameter, and fetch what it names now.
func (f Fleet) readConfiguration(stack awscdk.Stack, configuration bundle) []constructs.Statement {
	read := configuration.read()
	read.Sid = "Configuration"
	return []constructs.Statement{read, {
		Sid: "ConfigurationPlace", Actions: []string{"ssm:GetParameter"},
		Resources: []string{constructs.ARN(stack, "ssm", "parameter"+settings.EdgeParameter(f.Settings.Fleet))},
	}}
}
