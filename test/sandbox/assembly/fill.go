package assembly

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Missing are the resources of the deployed templates that moto did not make, by type.
func Missing(ctx context.Context, client *cloudformation.Client, dir string) (map[string][]map[string]any, error) {
	templates, err := filepath.Glob(filepath.Join(dir, "*"+templateSuffix))
	if err != nil {
		return nil, err
	}
	missing := map[string][]map[string]any{}
	for _, path := range templates {
		made, err := madeIn(ctx, client, strings.TrimSuffix(filepath.Base(path), templateSuffix))
		if err != nil {
			return nil, err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties map[string]any
			}
		}
		if err := json.Unmarshal(raw, &template); err != nil {
			return nil, fmt.Errorf("template %s: %w", path, err)
		}
		for _, id := range sortedKeys(template.Resources) {
			if r := template.Resources[id]; !made[id] {
				missing[r.Type] = append(missing[r.Type], r.Properties)
			}
		}
	}
	return missing, nil
}

func madeIn(ctx context.Context, client *cloudformation.Client, stack string) (map[string]bool, error) {
	made := map[string]bool{}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: aws.String(stack)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("the resources of stack %s are not listed: %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			made[aws.ToString(r.LogicalResourceId)] = true
		}
	}
	return made, nil
}

// Unknown are the types of missing resources for which PassedOver has no substitute.
func Unknown(missing map[string][]map[string]any) []string {
	var unknown []string
	for _, t := range sortedKeys(missing) {
		if _, ok := PassedOver[t]; !ok {
			unknown = append(unknown, t)
		}
	}
	return unknown
}

// secretBytes is the length of a generated secret: 256 bits, as hexadecimal digits.
const secretBytes = 32

// MakeSecrets makes the secrets that moto passed over, each with a text of its own.
func MakeSecrets(ctx context.Context, client *secretsmanager.Client, missing map[string][]map[string]any) ([]string, error) {
	var names []string
	for _, properties := range missing["AWS::SecretsManager::Secret"] {
		name, ok := properties["Name"].(string)
		if !ok {
			return names, fmt.Errorf("a secret has no literal name: its properties are %v", properties)
		}
		text := make([]byte, secretBytes)
		_, _ = rand.Read(text) // it never fails, by its documentation
		_, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String(name), SecretString: aws.String(hex.EncodeToString(text)),
		})
		if err != nil {
			return names, fmt.Errorf("secret %s is not made: %w", name, err)
		}
		names = append(names, name)
	}
	return names, nil
}
