// The AWS SDK for Go as a client of `serve`: loads credentials by the default chain, and again for
// each line on standard input. Prints a line of JSON for each load: the access key id and the
// expiration, or the error. Exits with 1 when the last load failed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

func main() {
	loaded, err := config.LoadDefaultConfig(
		context.Background(),
		config.WithLogger(logging.Nop{}),
	)
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for {
		line, failure := load(loaded.Credentials)
		if err := out.Encode(line); err != nil {
			log.Fatal(err)
		}
		if lines.Scan() {
			continue
		}
		if failure != nil {
			os.Exit(1)
		}
		return
	}
}

func load(provider aws.CredentialsProvider) (map[string]string, error) {
	credentials, err := provider.Retrieve(context.Background())
	if err != nil {
		return map[string]string{"Error": err.Error()}, err
	}
	return map[string]string{
		"AccessKeyId": credentials.AccessKeyID,
		"Expiration":  credentials.Expires.UTC().Format(time.RFC3339),
	}, nil
}
