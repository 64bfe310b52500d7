// Command metrics asks every node how it is and publishes the answers: in AWS as a Lambda, with CloudWatch's metrics,
// anywhere else as a daemon, with documents in OpenSearch or Elasticsearch (assets/collector).
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/jitsi-fleet/jitsi-fleet/lambdas/internal/wire"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	// Lambda sets it for every function.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
	if _, inLambda := os.LookupEnv("AWS_LAMBDA_RUNTIME_API"); !inLambda {
		os.Exit(outside(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	loop, err := connect(context.Background())
	if err != nil {
		log.Fatalf("metrics does not start: %v", err)
	}
	lambda.Start(func(ctx context.Context, _ wire.Raw) error {
		record, err := loop.Run(ctx)
		return wire.Finish(record, err)
	})
}

func connect(ctx context.Context) (reconcile.Metrics, error) {
	var env settings.MetricsEnv
	if err := settings.DecodeEnv(&env, os.LookupEnv); err != nil {
		return reconcile.Metrics{}, err
	}
	c, err := wire.Connect(ctx, env.Control, os.LookupEnv)
	return reconcile.Metrics{Env: env, Observer: c.Observer, Log: c.Log, Now: time.Now}, err
}
