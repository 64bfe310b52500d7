package settings

import (
	"encoding/binary"
	"net/netip"
)

// The VPC is cut into 16 equal blocks. The zones' public subnets are the first blocks of the lower half and their
// private subnets the first of the upper half, so that a further zone moves no subnet that exists.
const (
	subnetBits   = 4
	firstPrivate = 8
	// firstSlot is the first host number of fixed addresses. AWS keeps the first four and the last of each subnet.
	// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
	firstSlot = 10
)

// PublicSubnets are the ranges of the bridges', load balancer's and NAT gateways' subnets, one for each zone:
// of a /16, /20s from its start.
func (n Network) PublicSubnets() []netip.Prefix { return n.subnets(0) }

// PrivateSubnets are the ranges of everything else's subnets, one for each zone: of a /16, /20s from its middle.
func (n Network) PrivateSubnets() []netip.Prefix { return n.subnets(firstPrivate) }

// Resolver is the address of the VPC's DNS resolver: the VPC's base plus two.
// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
func (n Network) Resolver() netip.Addr { return plus(n.CIDR.Addr(), 2) }

// SlotAddress is the fixed private address of a HAProxy slot, counted from 0: slot k is in the private subnet of
// zone k modulo AvailabilityZones.
func (s Settings) SlotAddress(slot int) netip.Addr {
	zones := s.Network.AvailabilityZones
	return plus(s.Network.PrivateSubnets()[slot%zones].Addr(), firstSlot+slot/zones)
}

func (n Network) subnets(first int) []netip.Prefix {
	bits := n.CIDR.Bits() + subnetBits
	size := 1 << (32 - bits)
	cut := make([]netip.Prefix, n.AvailabilityZones)
	for zone := range cut {
		cut[zone] = netip.PrefixFrom(plus(n.CIDR.Addr(), (first+zone)*size), bits)
	}
	return cut
}

func plus(a netip.Addr, n int) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n)) //nolint:gosec // below 2^16 by the VPC's size
	return netip.AddrFrom4(b)
}
