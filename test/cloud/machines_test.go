package cloud

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
)

var _ reconcile.Machines = awscloud.Machines{}

// image is an Amazon Linux image that moto knows.
const image = "ami-12c6146b"

// machine starts one machine of a fleet, in a reservation of its own.
func machine(t *testing.T, of string) fleet.InstanceID {
	t.Helper()
	out, err := ec2.NewFromConfig(plain()).RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String(image), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance,
			Tags: []types.Tag{{Key: aws.String(fleet.TagFleet), Value: aws.String(of)}}}},
	})
	require.NoError(t, err)
	return fleet.InstanceID(aws.ToString(out.Instances[0].InstanceId))
}

func TestMachinesHaveAddressesAndLaunchTimes(t *testing.T) {
	addressed, before := fresh("addressed"), time.Now().Truncate(time.Second)
	ids := []fleet.InstanceID{machine(t, addressed), machine(t, addressed)}
	machine(t, addressed+"-too")
	found, err := awscloud.Machines{Client: ec2.NewFromConfig(plain())}.List(t.Context(), addressed)
	require.NoError(t, err)
	require.Len(t, found, 2, "only the fleet's own")
	addresses := map[netip.Addr]bool{}
	for _, id := range ids {
		m := found[id]
		assert.True(t, m.Address.Is4() && m.Address.IsPrivate(), "%s of %s", m.Address, id)
		assert.WithinRange(t, m.Launched, before, time.Now().Add(time.Second))
		assert.False(t, m.Stopped)
		addresses[m.Address] = true
	}
	assert.Len(t, addresses, 2)
}

func TestAMachineThatDoesNotRunIsStoppedButListed(t *testing.T) {
	client, stopping := ec2.NewFromConfig(plain()), fresh("stopping")
	runs, stopped, ended := machine(t, stopping), machine(t, stopping), machine(t, stopping)
	_, err := client.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{string(stopped)}})
	require.NoError(t, err)
	_, err = client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{string(ended)}})
	require.NoError(t, err)
	found, err := awscloud.Machines{Client: client}.List(t.Context(), stopping)
	require.NoError(t, err)
	got := map[fleet.InstanceID]bool{}
	for id, m := range found {
		got[id] = m.Stopped
	}
	assert.Equal(t, map[fleet.InstanceID]bool{runs: false, stopped: true, ended: true}, got)
}

// TestMachinesAreReadPageByPage asks for pages of two: a thousand machines and one would take moto half a minute.
func TestMachinesAreReadPageByPage(t *testing.T) {
	want, paged := map[fleet.InstanceID]bool{}, fresh("paged")
	for range 7 {
		want[machine(t, paged)] = true
	}
	var asked atomic.Int32
	cfg := plain()
	cfg.HTTPClient = withField("MaxResults", "2", &asked)
	found, err := awscloud.Machines{Client: ec2.NewFromConfig(cfg)}.List(t.Context(), paged)
	require.NoError(t, err)
	got := map[fleet.InstanceID]bool{}
	for id := range found {
		got[id] = true
	}
	assert.Equal(t, want, got)
	assert.Equal(t, int32(4), asked.Load())
}

func TestMachinesThatCannotBeReadAreAnErrorAndNoEmptyFleet(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	found, err := awscloud.Machines{Client: ec2.NewFromConfig(plain())}.List(ended, "paged")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, found)
}
