package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
)

// NewDashboard makes a dashboard; CloudFormation puts the region and the account into its body.
func NewDashboard(scope constructs.Construct, d dashboard.Dashboard) awscloudwatch.CfnDashboard {
	return awscloudwatch.NewCfnDashboard(scope, jsii.String(Pascal(d.Name)+"Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: jsii.String(d.Name), DashboardBody: awscdk.Fn_Sub(jsii.String(d.Body()), nil),
	})
}
