package awscloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Catalogue is the recordings' DynamoDB table. Its key is "day" and "id"; items:
//
//	2026-11-22 / ID   entry: the recording.Entry as JSON; version, by which writers exclude each other; state
//	open / ID         nothing: something is still to be done for the entry of this ID
type Catalogue struct {
	Client *dynamodb.Client
	Table  string
}

const openDay = "open"

// Get reads an entry; one that is not there has version 0.
func (c Catalogue) Get(ctx context.Context, id string) (recording.Entry, error) {
	key, err := entryKey(id)
	if err != nil {
		return recording.Entry{}, err
	}
	out, err := c.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(c.Table), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return recording.Entry{}, fmt.Errorf("the catalogue does not give %s: %w", id, err)
	}
	if len(out.Item) == 0 {
		return recording.Entry{}, nil
	}
	return entryOf(out.Item)
}

// Put writes an entry as the version after its own; ok is false when somebody has written one since it was read. What
// is not settled is marked as open before, and what is settled is unmarked after, so that no unsettled entry is ever
// without its mark.
func (c Catalogue) Put(ctx context.Context, e recording.Entry) (ok bool, err error) {
	if !e.Settled() {
		if err := c.mark(ctx, e.ID); err != nil {
			return false, err
		}
	}
	item, err := entryKey(e.ID)
	if err != nil {
		return false, err
	}
	before := e.Version
	e.Version++
	body, err := json.Marshal(e)
	if err != nil {
		return false, fmt.Errorf("entry %s has no JSON: %w", e.ID, err)
	}
	item["entry"] = &types.AttributeValueMemberS{Value: string(body)}
	item["state"] = &types.AttributeValueMemberS{Value: string(e.State)}
	item["version"] = number(e.Version)
	_, err = c.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(c.Table), Item: item,
		ConditionExpression:       aws.String("version = :before OR (attribute_not_exists(version) AND :before = :none)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":before": number(before), ":none": number(0)},
	})
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("the catalogue does not take %s: %w", e.ID, err)
	}
	if e.Settled() {
		_ = c.Close(ctx, e.ID) // the entry is written; a mark that stays is closed by the next sweep
	}
	return true, nil
}

func (c Catalogue) mark(ctx context.Context, id string) error {
	if _, err := c.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(c.Table), Item: openKey(id)}); err != nil {
		return fmt.Errorf("the catalogue does not take the mark of %s: %w", id, err)
	}
	return nil
}

// Close takes an entry's mark away.
func (c Catalogue) Close(ctx context.Context, id string) error {
	if _, err := c.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(c.Table), Key: openKey(id)}); err != nil {
		return fmt.Errorf("the catalogue does not give up the mark of %s: %w", id, err)
	}
	return nil
}

// Open names the entries for which something is still to be done, the oldest first.
func (c Catalogue) Open(ctx context.Context) ([]string, error) {
	var ids []string
	err := c.query(ctx, openDay, func(item map[string]types.AttributeValue) error {
		if id, ok := item["id"].(*types.AttributeValueMemberS); ok {
			ids = append(ids, id.Value)
		}
		return nil
	})
	return ids, err
}

// Day lists the entries of a day, "2026-11-22", the earliest first.
func (c Catalogue) Day(ctx context.Context, day string) ([]recording.Entry, error) {
	var entries []recording.Entry
	err := c.query(ctx, day, func(item map[string]types.AttributeValue) error {
		e, err := entryOf(item)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

func (c Catalogue) query(ctx context.Context, day string, each func(map[string]types.AttributeValue) error) error {
	pages := dynamodb.NewQueryPaginator(c.Client, &dynamodb.QueryInput{
		TableName: aws.String(c.Table), KeyConditionExpression: aws.String("#day = :day"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeNames:  map[string]string{"#day": "day"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":day": &types.AttributeValueMemberS{Value: day}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("the catalogue does not list %s: %w", day, err)
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func entryKey(id string) (map[string]types.AttributeValue, error) {
	day, ok := recording.Day(id)
	if !ok {
		return nil, fmt.Errorf("%q is no recording's ID: it begins with the moment of the start, such as 20261122T090312Z-", id)
	}
	return tableKey(day, id), nil
}

func openKey(id string) map[string]types.AttributeValue { return tableKey(openDay, id) }

func tableKey(day, id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"day": &types.AttributeValueMemberS{Value: day}, "id": &types.AttributeValueMemberS{Value: id}}
}

func entryOf(item map[string]types.AttributeValue) (recording.Entry, error) {
	var e recording.Entry
	body, ok := item["entry"].(*types.AttributeValueMemberS)
	if !ok {
		return e, fmt.Errorf("an item of the catalogue is no entry: it has no attribute %q", "entry")
	}
	if err := json.Unmarshal([]byte(body.Value), &e); err != nil {
		return e, fmt.Errorf("an item of the catalogue is no entry: %w", err)
	}
	return e, nil
}
