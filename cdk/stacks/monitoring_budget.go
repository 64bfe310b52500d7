package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// budgets is the service that tells of a budget.
const budgets = "budgets.amazonaws.com"

// budget tells of a month's cost above alerts.monthlyBudgetUSD: when AWS forecasts it, and when it is reached. It counts
// everything that carries the fleet's tag, traffic included, which no metric of the fleet's own knows. AWS counts a tag only
// once it is activated as a cost allocation tag.
// https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
func (f Fleet) budget(stack awscdk.Stack) {
	if f.Alerts.MonthlyBudgetUSD == 0 {
		return
	}
	topic := constructs.ARN(stack, "sns", f.names().TicketTopic())
	notice := func(kind string) any {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: jsii.String(kind), ComparisonOperator: jsii.String("GREATER_THAN"), Threshold: jsii.Number(100), ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: []any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("SNS"), Address: jsii.String(topic)}},
		}
	}
	awsbudgets.NewCfnBudget(stack, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetName: jsii.String(f.Settings.Fleet + "-monthly-cost"), BudgetType: jsii.String("COST"), TimeUnit: jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(float64(f.Alerts.MonthlyBudgetUSD)), Unit: jsii.String("USD")},
			CostFilters: map[string][]string{"TagKeyValue": {"user:" + fleet.TagFleet + "$" + f.Settings.Fleet}},
		},
		NotificationsWithSubscribers: []any{notice("ACTUAL"), notice("FORECASTED")},
	})
}
