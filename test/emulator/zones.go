package emulator

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/resolver"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// Resolver starts the VPC's resolver at an address, "127.16.0.2:53", for the templates' hosted zones that belong
// to a VPC. The caller closes it.
func (c *Cloud) Resolver(address string) (*resolver.Server, error) {
	c.mu.Lock()
	d := c.deployed
	c.mu.Unlock()
	if d == nil {
		return nil, errors.New("resolver has no zones: nothing was adopted")
	}
	var names []string
	if err := d.each("AWS::Route53::HostedZone", func(_ *template.Resource, p properties) error {
		if len(p.objects("VPCs")) > 0 {
			names = append(names, p.text("Name"))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return resolver.Listen(address, c.moto, names, c.problem)
}

// Addresses lists the A records of all zones.
func (m *moto) Addresses(ctx context.Context) (map[string]resolver.Record, error) {
	found := map[string]resolver.Record{}
	zones, err := m.route53.ListHostedZones(ctx, &route53.ListHostedZonesInput{})
	if err != nil {
		return nil, err
	}
	for _, zone := range zones.HostedZones {
		pages := route53.NewListResourceRecordSetsPaginator(m.route53, &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, set := range out.ResourceRecordSets {
				if set.Type == types.RRTypeA {
					found[strings.ToLower(strings.TrimSuffix(aws.ToString(set.Name), "."))+"."] = addresses(set)
				}
			}
		}
	}
	return found, nil
}

func addresses(set types.ResourceRecordSet) resolver.Record {
	r := resolver.Record{TTL: uint32(aws.ToInt64(set.TTL))} //nolint:gosec // at most 31 bits by DNS
	for _, record := range set.ResourceRecords {
		if address, err := netip.ParseAddr(aws.ToString(record.Value)); err == nil && address.Is4() {
			r.Addresses = append(r.Addresses, address)
		}
	}
	return r
}
