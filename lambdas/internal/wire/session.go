package wire

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Lookup reads one variable of the environment, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// attempts is how often the SDK tries a call: throttling of Auto Scaling and EC2 is per account and passes.
const attempts = 8

// Session is the region and the role that the Lambda runtime puts into a function's environment
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and the endpoint that an operator may
// name. The SDK's config package finds the same; its profiles, single sign-on and web identities, which no Lambda
// uses, are half a megabyte of each package.
func Session(lookup Lookup) (aws.Config, error) {
	given := map[string]string{}
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		value, found := lookup(name)
		if !found || value == "" {
			return aws.Config{}, fmt.Errorf("no AWS session: %s is not set, which the Lambda runtime does", name)
		}
		given[name] = value
	}
	token, _ := lookup("AWS_SESSION_TOKEN")
	session := aws.Config{
		Region:      given["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], token),
		Retryer:     patient,
	}
	if endpoint, found := lookup("AWS_ENDPOINT_URL"); found {
		session.BaseEndpoint = aws.String(endpoint)
	}
	return session, nil
}

// patient slows down when AWS throttles and tries a call attempts times.
func patient() aws.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = attempts })
	})
}
