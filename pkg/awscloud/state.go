package awscloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// State is the fleet's one DynamoDB table. Its key is "pk"; items:
//
//	lease/<loop>/<group>  owner's deadline (until, ms), fence, memory, again
//	profile/<name>        raw: the past weeks of a shard's demand, or of the starts of recordings
//	runtime               raw: the last good run-time values; refused: those that were refused since
type State struct {
	Client *dynamodb.Client
	Table  string
}

const runtimeKey = "runtime"

// Acquire takes a lease until a moment unless another holds it, which then is asked for another run.
func (s State) Acquire(ctx context.Context, key string, now, until time.Time) (fleet.Lease, bool, error) {
	for range turnovers {
		lease, taken, err := s.take(ctx, key, now, until)
		if taken || err != nil {
			return lease, taken, err
		}
		asked, err := s.askAgain(ctx, key, now)
		if asked || err != nil {
			return fleet.Lease{}, false, err
		}
		// The holder let go between the two calls and will not run again, so that this run is the one to do so.
	}
	return fleet.Lease{}, false, fmt.Errorf("lease %s is not to be had: it was given back before its holder could be asked, %d times in a row", key, turnovers)
}

// turnovers is how often Acquire tries again when a holder lets go at the very moment that it is asked. Each needs a
// release between two calls that follow at once, so that more than a few say that the item is not what it should be.
const turnovers = 8

// take takes a lease that nobody holds.
func (s State) take(ctx context.Context, key string, now, until time.Time) (fleet.Lease, bool, error) {
	out, err := s.Client.UpdateItem(ctx, s.lease(key, &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String("SET #until = :until ADD fence :one REMOVE again"),
		ConditionExpression:       aws.String("attribute_not_exists(#until) OR #until <= :now"),
		ExpressionAttributeNames:  map[string]string{"#until": "until"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":until": millis(until), ":now": millis(now), ":one": number(1)},
		ReturnValues:              types.ReturnValueAllNew,
	}))
	if refused(err) {
		return fleet.Lease{}, false, nil
	}
	if err != nil {
		return fleet.Lease{}, false, fmt.Errorf("lease %s: %w", key, err)
	}
	fence, err := fenceOf(out.Attributes)
	if err != nil {
		return fleet.Lease{}, false, fmt.Errorf("lease %s: %w", key, err)
	}
	lease := fleet.Lease{Key: key, Fence: fence}
	if m, ok := out.Attributes["memory"].(*types.AttributeValueMemberS); ok {
		lease.Memory = []byte(m.Value)
	}
	return lease, true, nil
}

// askAgain asks the holder of a lease for another run; asked is false when nobody holds it. Its condition is the
// opposite of take's: a wish that is left on a free lease is nobody's.
func (s State) askAgain(ctx context.Context, key string, now time.Time) (asked bool, err error) {
	_, err = s.Client.UpdateItem(ctx, s.lease(key, &dynamodb.UpdateItemInput{
		UpdateExpression:         aws.String("SET again = :yes"),
		ConditionExpression:      aws.String("#until > :now"),
		ExpressionAttributeNames: map[string]string{"#until": "until"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":yes": &types.AttributeValueMemberBOOL{Value: true}, ":now": millis(now),
		},
	}))
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lease %s is held and its holder is not asked for another run: %w", key, err)
	}
	return true, nil
}

// Note keeps memory while the lease stays held.
func (s State) Note(ctx context.Context, l fleet.Lease, memory []byte) error {
	err := s.settle(ctx, l, memory, "SET memory = :memory", "fence = :fence", "")
	if refused(err) {
		return lost(l)
	}
	return err
}

// Release gives a lease back and keeps memory, unless another run was asked for: then the lease stays held.
func (s State) Release(ctx context.Context, l fleet.Lease, memory []byte) (again bool, err error) {
	err = s.settle(ctx, l, memory, "SET memory = :memory REMOVE #until", "fence = :fence AND attribute_not_exists(again)", "until")
	if !refused(err) {
		return false, err
	}
	err = s.settle(ctx, l, memory, "SET memory = :memory REMOVE again", "fence = :fence", "")
	if refused(err) {
		return false, lost(l)
	}
	return err == nil, err
}

// Abandon gives a lease back and keeps memory.
func (s State) Abandon(ctx context.Context, l fleet.Lease, memory []byte) error {
	err := s.settle(ctx, l, memory, "SET memory = :memory REMOVE #until", "fence = :fence", "until")
	if refused(err) {
		return lost(l)
	}
	return err
}

func (s State) settle(ctx context.Context, l fleet.Lease, memory []byte, update, condition, until string) error {
	in := s.lease(l.Key, &dynamodb.UpdateItemInput{
		UpdateExpression:    aws.String(update),
		ConditionExpression: aws.String(condition),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":memory": &types.AttributeValueMemberS{Value: string(memory)}, ":fence": number(l.Fence),
		},
	})
	if until != "" {
		in.ExpressionAttributeNames = map[string]string{"#until": until}
	}
	_, err := s.Client.UpdateItem(ctx, in)
	return err
}

func lost(l fleet.Lease) error {
	return fmt.Errorf("lease %s with fence %d has lapsed and was taken by another run", l.Key, l.Fence)
}

func (s State) lease(key string, in *dynamodb.UpdateItemInput) *dynamodb.UpdateItemInput {
	in.TableName, in.Key = aws.String(s.Table), s.key("lease/"+key)
	return in
}

func (s State) key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}}
}

// LastGood is the raw text of the last run-time values that were valid.
func (s State) LastGood(ctx context.Context) (string, bool, error) {
	out, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.Table), Key: s.key(runtimeKey), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", false, err
	}
	raw, ok := out.Item["raw"].(*types.AttributeValueMemberS)
	if !ok {
		return "", false, nil
	}
	return raw.Value, true, nil
}

// Keep keeps raw as the last good run-time values; it writes only when they differ from those kept.
func (s State) Keep(ctx context.Context, raw string) error {
	_, err := s.runtime(ctx, raw, "SET #raw = :raw REMOVE refused", "attribute_not_exists(#raw) OR #raw <> :raw OR attribute_exists(refused)", "raw")
	return err
}

// Refuse remembers raw as refused run-time values; first is false when they are the ones that were refused last.
func (s State) Refuse(ctx context.Context, raw string) (first bool, err error) {
	return s.runtime(ctx, raw, "SET refused = :raw", "attribute_not_exists(refused) OR refused <> :raw", "")
}

// runtime changes the item of the run-time values under a condition and reports whether it held.
func (s State) runtime(ctx context.Context, raw, update, condition, name string) (changed bool, err error) {
	in := &dynamodb.UpdateItemInput{
		TableName: aws.String(s.Table), Key: s.key(runtimeKey),
		UpdateExpression:          aws.String(update),
		ConditionExpression:       aws.String(condition),
		ExpressionAttributeValues: map[string]types.AttributeValue{":raw": &types.AttributeValueMemberS{Value: raw}},
	}
	if name != "" {
		in.ExpressionAttributeNames = map[string]string{"#raw": name}
	}
	_, err = s.Client.UpdateItem(ctx, in)
	if refused(err) {
		return false, nil
	}
	return err == nil, err
}

func refused(err error) bool {
	var conditional *types.ConditionalCheckFailedException
	return errors.As(err, &conditional)
}

func fenceOf(item map[string]types.AttributeValue) (uint64, error) {
	n, ok := item["fence"].(*types.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("its item has no fencing counter")
	}
	return strconv.ParseUint(n.Value, 10, 64)
}

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

func number[N int | int64 | uint64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}
