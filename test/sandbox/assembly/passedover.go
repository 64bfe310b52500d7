package assembly

// How says what stands in for a resource that moto's CloudFormation passes over.
type How string

// The ways.
const (
	Made      How = "made through the API"
	Emulated  How = "read from the template by the emulator in front of moto"
	NotNeeded How = "not needed on loopback"
)

// Substitute is what stands in for one type.
type Substitute struct {
	How    How
	Detail string
}

// PassedOver are the types that moto's CloudFormation passes over while the deployment says that it succeeded.
var PassedOver = map[string]Substitute{
	"AWS::SecretsManager::Secret":     {Made, "CreateSecret with a generated text"},
	"AWS::SNS::TopicPolicy":           {Emulated, "who may publish"},
	"AWS::SQS::QueuePolicy":           {Emulated, "who may send"},
	"AWS::SNS::Subscription":          {Emulated, "who gets what is published"},
	"AWS::CloudWatch::Alarm":          {Emulated, "evaluated on the metrics in the Lambdas' logs"},
	"AWS::CloudWatch::CompositeAlarm": {Emulated, "evaluated on the states of the alarms in its rule"},
	"AWS::Budgets::Budget":            {NotNeeded, "nothing costs anything here"},
	"AWS::Lambda::EventInvokeConfig":  {Emulated, "retries and failure destinations of asynchronous invocations"},
	"AWS::S3::BucketPolicy":           {Emulated, "who may do what with the objects"},
}
