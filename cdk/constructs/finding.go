package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Finding is a rule of cdk-nag that a resource does not follow, and why that is right here.
type Finding struct{ Rule, Reason string }

// Justify writes the reasons beside the resource; they are in the template too.
func Justify(scope constructs.IConstruct, findings ...Finding) {
	suppressions := make([]*cdknag.NagPackSuppression, len(findings))
	for i, f := range findings {
		suppressions[i] = &cdknag.NagPackSuppression{Id: jsii.String(f.Rule), Reason: jsii.String(f.Reason)}
	}
	cdknag.NagSuppressions_AddResourceSuppressions(scope, &suppressions, jsii.Bool(false))
}

// Accept keeps the CDK's own template validation from warning of a rule that knows less than AWS, and says why.
func Accept(scope constructs.IConstruct, rule, reason string) {
	awscdk.Validations_Of(scope).Acknowledge(&awscdk.Acknowledgment{
		Id: jsii.String("CloudFormation-Validate::" + rule), Reason: jsii.String(reason),
	})
}
