// Command probe is the function that the emulator's tests deploy: it does what its event says, and writes each
// event that it gets as one line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// event is any event: the probe's own orders, or records of SQS and SNS.
type event struct {
	Do      string  `json:"do"`
	Group   string  `json:"group"`
	Desired int32   `json:"desired"`
	Metric  float64 `json:"metric"`
	Records []struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	} `json:"Records"`
}

func main() { lambda.Start(handle) }

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	fmt.Println("event " + string(raw))
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	switch e.Do {
	case "fail":
		return nil, errors.New("told to fail")
	case "exit":
		os.Exit(3)
	case "sleep":
		<-ctx.Done()
		time.Sleep(time.Minute)
	case "deadline":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Seconds(), nil
	case "env":
		return os.Environ(), nil
	case "size":
		return nil, size(ctx, e.Group, e.Desired)
	case "metric":
		fmt.Printf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"Probe","Dimensions":[["Fleet"]],`+
			`"Metrics":[{"Name":"Load","Unit":"Count"}]}]},"Fleet":"probe","Load":%v}`+"\n", time.Now().UnixMilli(), e.Metric)
	}
	return failures(e)
}

func size(ctx context.Context, group string, desired int32) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = autoscaling.NewFromConfig(cfg).SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String(group), DesiredCapacity: aws.Int32(desired)})
	return err
}

// failures fails the records whose body begins with "bad", and the whole batch for one of "broken".
func failures(e event) (any, error) {
	type item struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	report := struct {
		BatchItemFailures []item `json:"batchItemFailures"`
	}{[]item{}}
	for _, r := range e.Records {
		switch {
		case strings.HasPrefix(r.Body, "bad"):
			report.BatchItemFailures = append(report.BatchItemFailures, item{r.MessageID})
		case r.Body == "broken":
			return nil, errors.New("told to break")
		}
	}
	return report, nil
}
