package awscloud

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Machines is EC2.
type Machines struct{ Client *ec2.Client }

// machinesPage is the most instances that one DescribeInstances returns.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
const machinesPage = 1000

// List describes a fleet's machines: one call for each thousand.
func (m Machines) List(ctx context.Context, name string) (map[fleet.InstanceID]fleet.Machine, error) {
	pages := ec2.NewDescribeInstancesPaginator(m.Client, &ec2.DescribeInstancesInput{
		Filters:    []types.Filter{{Name: aws.String("tag:" + fleet.TagFleet), Values: []string{name}}},
		MaxResults: aws.Int32(machinesPage),
	})
	machines := map[fleet.InstanceID]fleet.Machine{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("EC2 instances are not described: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				machines[fleet.InstanceID(aws.ToString(i.InstanceId))] = machineOf(i)
			}
		}
	}
	return machines, nil
}

func machineOf(i types.Instance) fleet.Machine {
	m := fleet.Machine{Launched: aws.ToTime(i.LaunchTime)}
	if address, err := netip.ParseAddr(aws.ToString(i.PrivateIpAddress)); err == nil {
		m.Address = address
	}
	if i.State != nil {
		switch i.State.Name {
		case types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated,
			types.InstanceStateNameStopping, types.InstanceStateNameStopped:
			m.Stopped = true
		}
	}
	return m
}
