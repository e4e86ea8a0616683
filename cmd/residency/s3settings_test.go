package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// settings gives the bucket one of each setting that can be carried.
func (t *s3Tool) settings(ctx context.Context) error {
	b := &t.bucket
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
		"Resource": ["arn:aws:s3:::%s", "arn:aws:s3:::%s/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`,
		t.bucket, t.bucket)
	for name, set := range map[string]func() error{
		"policy": func() error {
			_, err := t.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &policy})
			return err
		},
		"lifecycle": func() error {
			_, err := t.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: b,
				TransitionDefaultMinimumObjectSize: types.TransitionDefaultMinimumObjectSizeVariesByStorageClass,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{
					Rules: []types.LifecycleRule{{ID: aws.String("uploads"), Status: types.ExpirationStatusEnabled,
						Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
						AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}}}})
			return err
		},
		"cors": func() error {
			_, err := t.client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b,
				CORSConfiguration: &types.CORSConfiguration{
					CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"},
						AllowedOrigins: []string{"https://example.com"}}}}})
			return err
		},
		"website": func() error {
			_, err := t.client.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: b,
				WebsiteConfiguration: &types.WebsiteConfiguration{
					IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}}})
			return err
		},
		"tags": func() error {
			_, err := t.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: b,
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("customer"), Value: aws.String("acme")}}}})
			return err
		},
		"ownership": func() error {
			_, err := t.client.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b,
				OwnershipControls: &types.OwnershipControls{
					Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}}}})
			return err
		},
		"block": func() error {
			_, err := t.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
					IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(false)}})
			return err
		},
		"payment": func() error {
			_, err := t.client.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: b,
				RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: types.PayerRequester}})
			return err
		},
	} {
		if err := set(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// setup prints the settings, as JSON.
func (t *s3Tool) setup(ctx context.Context) error {
	b := &t.bucket
	show := func(name string, out any, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		text, err := json.Marshal(out)
		fmt.Fprintf(t.out, "%s %s\n", name, strings.ReplaceAll(string(text), t.bucket, "BUCKET"))
		return err
	}
	policy, err := t.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})
	if err != nil {
		return err
	}
	var statements any
	if err := json.Unmarshal([]byte(*policy.Policy), &statements); err != nil {
		return err
	}
	if err := show("policy", statements, nil); err != nil {
		return err
	}
	lifecycle, err := t.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
	if err := show("lifecycle", lifecycle, err); err != nil {
		return err
	}
	cors, err := t.client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})
	if err := show("cors", cors, err); err != nil {
		return err
	}
	website, err := t.client.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})
	if err := show("website", website, err); err != nil {
		return err
	}
	tags, err := t.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b})
	if err := show("tags", tags, err); err != nil {
		return err
	}
	ownership, err := t.client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
	if err := show("ownership", ownership, err); err != nil {
		return err
	}
	block, err := t.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
	if err := show("block", block, err); err != nil {
		return err
	}
	payment, err := t.client.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
	return show("payment", payment, err)
}
