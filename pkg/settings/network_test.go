package settings

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheSubnetsOfTheDefaultNetwork(t *testing.T) {
	s := Defaults()
	assert.Equal(t, prefixes("10.64.0.0/20", "10.64.16.0/20"), s.Network.PublicSubnets())
	assert.Equal(t, prefixes("10.64.128.0/20", "10.64.144.0/20"), s.Network.PrivateSubnets())
	assert.Equal(t, "10.64.0.2", s.Network.Resolver().String())
	for slot, want := range []string{"10.64.128.10", "10.64.144.10", "10.64.128.11", "10.64.144.11"} {
		assert.Equal(t, want, s.SlotAddress(slot).String())
	}
}

func TestTheSubnetsOfTheSmallestNetworkInThreeZones(t *testing.T) {
	n := Network{CIDR: netip.MustParsePrefix("192.168.240.0/20"), AvailabilityZones: 3}
	assert.Equal(t, prefixes("192.168.240.0/24", "192.168.241.0/24", "192.168.242.0/24"), n.PublicSubnets())
	assert.Equal(t, prefixes("192.168.248.0/24", "192.168.249.0/24", "192.168.250.0/24"), n.PrivateSubnets())
}

func TestSubnetsAreApartInsideTheNetworkAndHoldTheirSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(largestVPC, smallestVPC).Draw(t, "bits")
		octets := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "octets")
		s := Settings{Network: Network{
			CIDR:              netip.PrefixFrom(netip.AddrFrom4([4]byte(octets)), bits).Masked(),
			AvailabilityZones: rapid.IntRange(minZones, maxZones).Draw(t, "zones"),
		}}
		private := s.Network.PrivateSubnets()
		all := append(s.Network.PublicSubnets(), private...)
		for i, a := range all {
			assert.True(t, s.Network.CIDR.Contains(a.Addr()) && a.Bits() == bits+subnetBits && a == a.Masked())
			for _, b := range all[:i] {
				assert.False(t, a.Overlaps(b), "%s and %s", a, b)
			}
		}
		seen := map[netip.Addr]bool{}
		for slot := range 4 {
			address := s.SlotAddress(slot)
			assert.True(t, private[slot%len(private)].Contains(address))
			assert.False(t, seen[address], "%s is given twice", address)
			seen[address] = true
		}
	})
}

func TestAFurtherZoneMovesNoSubnet(t *testing.T) {
	two := Defaults().Network
	three := two
	three.AvailabilityZones = 3
	assert.Equal(t, two.PublicSubnets(), three.PublicSubnets()[:2])
	assert.Equal(t, two.PrivateSubnets(), three.PrivateSubnets()[:2])
}

func TestTheArchitectureOfAnInstanceType(t *testing.T) {
	for instance, want := range map[string]Architecture{
		"c7g.xlarge": ARM64, "m6gd.large": ARM64, "t4g.small": ARM64, "c7gn.16xlarge": ARM64, "is4gen.medium": ARM64, "x2gd.metal": ARM64,
		"a1.large": ARM64, "hpc7g.4xlarge": ARM64, "g5g.xlarge": ARM64,
		"c7i.xlarge": X86, "c7i-flex.large": X86, "g4dn.xlarge": X86, "g5.xlarge": X86, "gr6.4xlarge": X86, "m5.metal": X86, "u-6tb1.56xlarge": X86,
	} {
		assert.Equal(t, want, ArchitectureOf(instance), instance)
		assert.True(t, instanceForm.MatchString(instance), instance)
	}
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
