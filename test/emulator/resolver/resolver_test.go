package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// zones are records that never change, or an error.
type zones struct {
	records map[string]Record
	err     error
}

func (z zones) Addresses(context.Context) (map[string]Record, error) { return z.records, z.err }

func server(t testing.TB, z zones) (*Server, *[]error) {
	t.Helper()
	var problems []error
	// No client takes its port for a connection from this address.
	s, err := Listen("127.0.53.2:0", z, []string{"fleet.internal."}, func(err error) { problems = append(problems, err) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s, &problems
}

func query(t testing.TB, name string, kind dnsmessage.Type) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}}}
	packed, err := m.Pack()
	require.NoError(t, err)
	return packed
}

var known = zones{records: map[string]Record{"shard-1.fleet.internal.": {Addresses: []netip.Addr{netip.MustParseAddr("127.16.0.9")}, TTL: 5}}}

func TestAQuestionIsAnsweredByItsZone(t *testing.T) {
	for name, c := range map[string]struct {
		host    string
		kind    dnsmessage.Type
		code    dnsmessage.RCode
		answers int
	}{
		"a name that is there":                  {"shard-1.fleet.internal.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, 1},
		"the same name in capitals":             {"SHARD-1.Fleet.Internal.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, 1},
		"a name that is there without an AAAA":  {"shard-1.fleet.internal.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, 0},
		"a name that is not there":              {"shard-2.fleet.internal.", dnsmessage.TypeA, dnsmessage.RCodeNameError, 0},
		"a name of another zone":                {"example.org.", dnsmessage.TypeA, dnsmessage.RCodeRefused, 0},
		"a name that only ends like the zone's": {"otherfleet.internal.", dnsmessage.TypeA, dnsmessage.RCodeRefused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := server(t, known)
			var reply dnsmessage.Message
			require.NoError(t, reply.Unpack(s.answer(query(t, c.host, c.kind))))
			assert.Equal(t, uint16(7), reply.ID)
			assert.Equal(t, c.code, reply.RCode)
			assert.Len(t, reply.Answers, c.answers)
		})
	}
}

func TestZonesThatCannotBeReadAreAServerFailure(t *testing.T) {
	s, problems := server(t, zones{err: errors.New("moto is gone")})
	var reply dnsmessage.Message
	require.NoError(t, reply.Unpack(s.answer(query(t, "shard-1.fleet.internal.", dnsmessage.TypeA))))
	assert.Equal(t, dnsmessage.RCodeServerFailure, reply.RCode)
	require.Len(t, *problems, 1)
	assert.ErrorContains(t, (*problems)[0], "moto is gone")
}

func TestZonesThatTakeTooLongAreAsTheyWereReadLast(t *testing.T) {
	s, problems := server(t, known)
	code := func() dnsmessage.RCode {
		var reply dnsmessage.Message
		require.NoError(t, reply.Unpack(s.answer(query(t, "shard-1.fleet.internal.", dnsmessage.TypeA))))
		return reply.RCode
	}
	require.Equal(t, dnsmessage.RCodeSuccess, code())
	s.zones, s.read = zones{err: fmt.Errorf("moto is busy: %w", context.DeadlineExceeded)}, time.Time{}
	assert.Equal(t, dnsmessage.RCodeSuccess, code())
	assert.Empty(t, *problems)
	s.zones, s.read = zones{err: errors.New("moto is gone")}, time.Time{}
	assert.Equal(t, dnsmessage.RCodeServerFailure, code())
	assert.Len(t, *problems, 1)
}

func FuzzAnswer(f *testing.F) {
	f.Add(query(f, "shard-1.fleet.internal.", dnsmessage.TypeA))
	f.Add([]byte{0, 7, 1, 0, 0, 1})
	s, _ := server(f, known)
	f.Fuzz(func(t *testing.T, text []byte) {
		answer := s.answer(text)
		if answer == nil {
			return
		}
		var reply dnsmessage.Message
		if err := reply.Unpack(answer); err != nil || !reply.Response {
			t.Fatalf("an answer that cannot be read: %v", err)
		}
	})
}
