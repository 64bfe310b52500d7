package routing

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// variant is a fleet of a size, with everything else as settings can make it at the least.
func variant(slots, shards int) Config {
	c := example()
	c.Slots, c.Shards, c.Inside = nil, nil, nil
	for i := range slots {
		c.Slots = append(c.Slots, Slot{fmt.Sprintf("slot-%d", i+1), netip.AddrFrom4([4]byte{127, 16, 128, byte(10 + i)})})
	}
	for i := range shards {
		c.Shards = append(c.Shards, Shard{fmt.Sprintf("shard-%d", i+1), i + 1, fmt.Sprintf("shard-%d.fleet.internal", i+1)})
	}
	c.TableSize, c.TableExpiry, c.ConnectionRate = 1_000, time.Minute, 100
	return c
}

func TestHAProxyAcceptsEveryVariantOfTheSettings(t *testing.T) {
	most := func(c *Config) {
		c.TableSize, c.TableExpiry, c.ConnectionRate = 10_000_000, 24*time.Hour, 1_000_000
		for i := range 20 {
			c.Inside = append(c.Inside, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
		}
		for i := range c.Shards {
			c.Shards[i].ID = maxServerID - i
			c.Shards[i].Name = fmt.Sprintf("%s%02d", strings.Repeat("s", 61), i) // the longest label of a name in DNS
			c.Shards[i].Host = c.Shards[i].Name + "." + strings.Repeat("f", 63) + ".internal"
		}
	}
	for _, slots := range []int{2, 3, 4} {
		for _, shards := range []int{1, 2, 7, 50} {
			t.Run(fmt.Sprintf("%d slots and %d shards", slots, shards), func(t *testing.T) {
				for _, change := range []func(*Config){func(*Config) {}, most} {
					c := variant(slots, shards)
					change(&c)
					c.Self = c.Slots[slots-1].Name
					configuration, err := Render(c)
					require.NoError(t, err)
					accepted(t, configuration)
				}
			})
		}
	}
}

func TestNobodyOutsideChoosesAShard(t *testing.T) {
	c := variant(2, 2)
	configuration, err := Render(c)
	require.NoError(t, err)
	require.NotContains(t, configuration, "X-Jitsi-Force-Shard", "nobody is inside: the header is not read")
	c.Inside = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.9.0.0/16")}
	configuration, err = Render(c)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(configuration, "X-Jitsi-Force-Shard"))
	require.Contains(t, configuration, "req.hdr(X-Jitsi-Force-Shard) if { src 10.0.0.0/16 10.9.0.0/16 }")
}
