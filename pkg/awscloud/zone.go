package awscloud

import (
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Zone is the fleet's private hosted zone.
type Zone struct {
	Client *route53.Client
	ID     string
}

// recordTTL is how many seconds a resolver may keep a shard's address. A signal node is replaced in minutes.
const recordTTL = 10

// Point makes a name mean an address.
func (z Zone) Point(ctx context.Context, name string, address netip.Addr) error {
	_, err := z.Client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(z.ID),
		ChangeBatch: &types.ChangeBatch{Changes: []types.Change{{
			Action: types.ChangeActionUpsert,
			ResourceRecordSet: &types.ResourceRecordSet{
				Name: aws.String(name), Type: types.RRTypeA, TTL: aws.Int64(recordTTL),
				ResourceRecords: []types.ResourceRecord{{Value: aws.String(address.String())}},
			},
		}}},
	})
	return err
}
