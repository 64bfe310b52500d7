package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// moto is the moto server itself, past the proxy.
type moto struct {
	address string
	account string
	region  string
	config  aws.Config
	ec2     *ec2.Client
	sqs     *sqs.Client
	ssm     *ssm.Client
	stacks  *cloudformation.Client
	route53 *route53.Client
}

func newMoto(o Options) *moto {
	cfg := aws.Config{Region: o.Region, BaseEndpoint: aws.String(o.Moto),
		Credentials: credentials.NewStaticCredentialsProvider("emulator", "emulator", "")}
	return &moto{address: o.Moto, account: o.Account, region: o.Region, config: cfg, ec2: ec2.NewFromConfig(cfg),
		sqs: sqs.NewFromConfig(cfg), ssm: ssm.NewFromConfig(cfg), stacks: cloudformation.NewFromConfig(cfg),
		route53: route53.NewFromConfig(cfg)}
}

// Launch runs machines of a launch template.
func (m *moto) Launch(ctx context.Context, r scaling.LaunchRequest) ([]scaling.Machine, error) {
	n := aws.Int32(int32(r.Count)) //nolint:gosec // a group has a few hundred instances at most
	in := &ec2.RunInstancesInput{MinCount: n, MaxCount: n, SubnetId: aws.String(r.Subnet.ID),
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String(r.Template.ID),
			Version: aws.String(r.Template.Version)},
		InstanceType: types.InstanceType(r.InstanceType)}
	tags := types.TagSpecification{ResourceType: types.ResourceTypeInstance}
	for key, value := range r.Tags {
		tags.Tags = append(tags.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	in.TagSpecifications = []types.TagSpecification{tags}
	launched := time.Now() // moto's own launch time is cut to seconds, which are minutes in a simulated day
	out, err := m.ec2.RunInstances(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("machines do not start in %s: %w", r.Subnet.ID, err)
	}
	var machines []scaling.Machine
	for _, i := range out.Instances {
		machines = append(machines, scaling.Machine{ID: aws.ToString(i.InstanceId), Zone: r.Subnet.Zone,
			Subnet: r.Subnet.ID, Address: aws.ToString(i.PrivateIpAddress), Type: string(i.InstanceType),
			Template: r.Template, Launched: launched})
	}
	return machines, nil
}

// Terminate ends machines.
func (m *moto) Terminate(ctx context.Context, ids []string) error {
	if _, err := m.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: ids}); err != nil {
		return fmt.Errorf("machines %v do not end: %w", ids, err)
	}
	return nil
}

// physical is the physical ids of a stack's resources.
func (m *moto) physical(ctx context.Context, stack string) (map[string]string, error) {
	out, err := m.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: aws.String(stack)})
	if err != nil {
		return nil, fmt.Errorf("stack %s is not deployed: %w", stack, err)
	}
	ids := map[string]string{}
	for _, r := range out.StackResources {
		ids[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
	}
	return ids, nil
}

// versions are the latest and the default version of each launch template, by id; names are their names.
func (m *moto) versions(ctx context.Context) (latest, standard, names map[string]string, err error) {
	latest, standard, names = map[string]string{}, map[string]string{}, map[string]string{}
	pages := ec2.NewDescribeLaunchTemplatesPaginator(m.ec2, &ec2.DescribeLaunchTemplatesInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("launch templates cannot be read: %w", err)
		}
		for _, t := range out.LaunchTemplates {
			id := aws.ToString(t.LaunchTemplateId)
			latest[id] = strconv.FormatInt(aws.ToInt64(t.LatestVersionNumber), 10)
			standard[id] = strconv.FormatInt(aws.ToInt64(t.DefaultVersionNumber), 10)
			names[id] = aws.ToString(t.LaunchTemplateName)
		}
	}
	return latest, standard, names, nil
}

// subnets are the zones of all subnets, by id.
func (m *moto) subnets(ctx context.Context) (map[string]string, error) {
	out, err := m.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	if err != nil {
		return nil, fmt.Errorf("subnets cannot be read: %w", err)
	}
	zones := map[string]string{}
	for _, s := range out.Subnets {
		zones[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone)
	}
	return zones, nil
}

// parameter is the value of an SSM parameter.
func (m *moto) parameter(name string) (string, error) {
	out, err := m.ssm.GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String(name)})
	if err != nil {
		return "", fmt.Errorf("SSM parameter %s cannot be read: %w", name, err)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// raw makes a call that no client of this module knows, in the service that the credential scope names.
func (m *moto) raw(ctx context.Context, method, service, path, contentType string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, m.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=emulator/20260101/"+m.region+"/"+service+
		"/aws4_request, SignedHeaders=host, Signature=00")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("moto refuses %s %s: %s: %s", method, path, answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
