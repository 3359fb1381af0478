// Checks properties of the template that must hold with all parameters.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findBuildArgumentsOfType, type Resource, resolveTemplate } from './resolved-template.ts';

const secret = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf';
const publicParameters = { StreamAuth: 'NONE', ApiKeySecretArn: secret, ReservedConcurrency: 5 };

/** Covers both values of each parameter that changes the resources. */
const deployments: readonly Readonly<Record<string, string | number>>[] = [
  {},
  { SnapStart: 'true' },
  { ProvisionedConcurrency: 2 },
  { RestApi: 'true', Tracing: 'true' },
  { CacheBucket: 'true', CacheDays: 3 },
  { ResponsesBucket: 'true', ResponsesDays: 9 },
  { AlarmEmail: 'someone@example.org', LogPrompts: 'true' },
  { Architecture: 'x86_64', ReservedConcurrency: 3 },
  publicParameters,
  { ...publicParameters, SnapStart: 'true', Tracing: 'true', AlarmEmail: 'a@example.org' },
  { SnapStart: 'true', RestApi: 'true', Tracing: 'true', AlarmEmail: 'a@example.org' },
];

function ofType(resources: Readonly<Record<string, Resource>>, type: string) {
  return Object.entries(resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([name, { Properties }]) => ({ name, properties: Properties }));
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
}

function statementsOf(properties: Readonly<Record<string, unknown>>): Statement[] {
  const policies = properties.Policies as { PolicyDocument: { Statement: Statement[] } }[];
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}

describe.each(deployments)('the template with %o', (parameters) => {
  const { resources, outputs } = resolveTemplate(parameters);
  const functions = ofType(resources, 'AWS::Serverless::Function');

  it('requires IAM or an API key for every call', () => {
    const stream = resources.StreamFunction?.Properties ?? {};
    const { AuthType, InvokeMode } = stream.FunctionUrlConfig as { AuthType: string; InvokeMode: string };
    const { Variables } = stream.Environment as { Variables: Record<string, unknown> };

    expect(InvokeMode).toBe('RESPONSE_STREAM');
    expect(AuthType === 'AWS_IAM' || Variables.API_KEY_SECRET_ARN === secret).toBe(true);
    expect(AuthType === 'AWS_IAM' || Number(stream.ReservedConcurrentExecutions) > 0).toBe(true);
    expect(functions.filter(({ properties }) => properties.FunctionUrlConfig !== undefined)).toHaveLength(1);
    for (const { properties } of ofType(resources, 'AWS::Serverless::Api')) {
      expect(properties.Auth).toEqual({ DefaultAuthorizer: 'AWS_IAM' });
    }
  });

  it('grants both permissions of the Function URL to the account, or to everyone if it is public', () => {
    const permissions = ['StreamUrlPermission', 'StreamInvokePermission'].map(
      (name) => resources[name]?.Properties,
    );
    const principal = 'ApiKeySecretArn' in parameters ? '*' : { Ref: 'AWS::AccountId' };

    expect(permissions).toEqual([
      {
        Action: 'lambda:InvokeFunctionUrl',
        FunctionName: { Ref: 'StreamFunction.Alias' },
        FunctionUrlAuthType: outputs.StreamAuth,
        Principal: principal,
      },
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: { Ref: 'StreamFunction.Alias' },
        InvokedViaFunctionUrl: true,
        Principal: principal,
      },
    ]);
  });

  it('limits each role to named actions and resources', () => {
    const roles = ofType(resources, 'AWS::IAM::Role');

    expect(roles.length).toBeGreaterThan(0);
    for (const { properties } of roles) {
      for (const { Action, Resource } of statementsOf(properties)) {
        expect(Resource).toBeDefined();
        for (const action of [Action].flat()) expect(action).not.toContain('*');
        for (const resource of [Resource].flat()) {
          const written = typeof resource === 'string' ? resource : JSON.stringify(resource);
          // Wildcards are needed for objects under a prefix and for executions of the state machine.
          const narrowed = written
            .replace(/\$\{(?:Batch|Conversation|Response)Bucket\.Arn\}\/[a-z/]+\/\*/, '')
            .replace(/:execution:\$\{AWS::StackName\}-batch\/\*/, '');
          expect(narrowed).not.toContain('*');
        }
      }
    }
  });

  it('encrypts every bucket, blocks public access and refuses plain HTTP', () => {
    const buckets = ofType(resources, 'AWS::S3::Bucket');
    const policies = ofType(resources, 'AWS::S3::BucketPolicy');

    expect(buckets).toHaveLength('CacheBucket' in parameters || 'ResponsesBucket' in parameters ? 2 : 1);
    for (const { name, properties } of buckets) {
      expect(JSON.stringify(properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
      expect(properties.PublicAccessBlockConfiguration).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      });
      const policy = policies.find(({ properties: { Bucket } }) => (Bucket as { Ref: string }).Ref === name);
      expect(policy?.properties.PolicyDocument).toMatchObject({
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:*',
            Resource: [{ 'Fn::GetAtt': `${name}.Arn` }, { 'Fn::Sub': `\${${name}.Arn}/*` }],
            Condition: { Bool: { 'aws:SecureTransport': false } },
          },
        ],
      });
    }
  });

  it.each([
    {
      parameter: 'CacheBucket',
      variable: 'CACHE_BUCKET',
      bucket: 'ConversationBucket',
      prefix: 'states',
      days: '3',
      actions: ['s3:GetObject', 's3:PutObject'],
    },
    {
      parameter: 'ResponsesBucket',
      variable: 'RESPONSES_BUCKET',
      bucket: 'ResponseBucket',
      prefix: 'responses',
      days: '9',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    },
  ])(
    'has a bucket of $prefix only with $parameter, for its days, where no function can list them',
    ({ parameter, variable, bucket, prefix, days, actions }) => {
      const isOn = parameter in parameters;
      const using = functions.filter(({ properties }) => {
        const { Variables } = properties.Environment as { Variables: Record<string, unknown> };
        return JSON.stringify(Variables[variable]) === `{"Ref":"${bucket}"}`;
      });
      const granted = ofType(resources, 'AWS::IAM::Role').flatMap(({ name, properties }) =>
        statementsOf(properties)
          .filter(({ Resource }) => JSON.stringify(Resource).includes(bucket))
          .map((statement) => ({ name, ...statement })),
      );

      expect(using.map(({ name }) => name)).toEqual(isOn ? ['StreamFunction', 'CompletionFunction'] : []);
      expect(granted).toEqual(
        (isOn ? ['StreamRole', 'CompletionRole'] : []).map((name) => ({
          name,
          Effect: 'Allow',
          Action: actions,
          Resource: { 'Fn::Sub': `\${${bucket}.Arn}/${prefix}/*` },
        })),
      );
      expect(outputs[bucket]).toEqual(isOn ? { Ref: bucket } : undefined);
      expect(resources[bucket]?.Properties.LifecycleConfiguration).toEqual(
        isOn
          ? { Rules: [{ Id: prefix, Status: 'Enabled', Prefix: `${prefix}/`, ExpirationInDays: days }] }
          : undefined,
      );
    },
  );

  it('gives each function its own role and log group', () => {
    for (const { name, properties } of functions) {
      const stem = name.replace(/Function$/, '');
      expect(properties.Role).toEqual({ 'Fn::GetAtt': `${stem}Role.Arn` });
      expect(properties.LoggingConfig).toEqual({ LogGroup: { Ref: `${stem}Logs` } });
      expect(resources[`${stem}Logs`]?.Properties.RetentionInDays).toBe('7');
    }
  });

  it('never combines SnapStart with provisioned concurrency, and publishes versions for both', () => {
    for (const { properties } of functions) {
      const { ApplyOn = 'None' } = (properties.SnapStart ?? {}) as { ApplyOn?: string };
      expect(ApplyOn === 'None' || properties.ProvisionedConcurrencyConfig === undefined).toBe(true);
      expect(properties.AutoPublishAlias).toBe('live');
      expect(properties.EphemeralStorage).toEqual({ Size: 512 });
    }
  });

  it('lets the functions that upload in pieces remove the pieces of a failed upload', () => {
    for (const role of ['BatchRole', 'BatchFilesRole']) {
      const granted = statementsOf(resources[role]?.Properties ?? {}).filter(({ Action }) =>
        [Action].flat().includes('s3:AbortMultipartUpload'),
      );
      expect(JSON.stringify(granted)).toContain(`\${BatchBucket.Arn}/work/*`);
    }
  });

  it("sets the queue's visibility timeout to six times the function's timeout", () => {
    const queue = resources.BatchQueue?.Properties;
    const timeout = Number(resources.BatchFunction?.Properties.Timeout);

    expect(queue?.VisibilityTimeout).toBe(6 * timeout);
    expect(queue?.RedrivePolicy).toMatchObject({
      deadLetterTargetArn: { 'Fn::GetAtt': 'BatchDeadLetters.Arn' },
    });
  });

  it('delivers a message often enough to wait for all others of its event, and stops before its retention ends', () => {
    const { RedrivePolicy, VisibilityTimeout, MessageRetentionPeriod } =
      resources.BatchQueue?.Properties ?? {};
    const { maxReceiveCount } = RedrivePolicy as { maxReceiveCount: unknown };
    const mostMessages = 10;

    // They are delivered together once, and then answered one at a time.
    expect(Number(maxReceiveCount)).toBeGreaterThan(1 + mostMessages);
    expect(Number(maxReceiveCount) * Number(VisibilityTimeout)).toBeLessThan(Number(MessageRetentionPeriod));
  });

  it('enables tracing and prompt logs only by their parameters', () => {
    for (const { properties } of functions) {
      const { Variables } = properties.Environment as { Variables: Record<string, unknown> };
      const { Tracing = 'false', LogPrompts = 'false' } = parameters;
      expect(properties.Tracing).toBe(Tracing === 'true' ? 'Active' : 'PassThrough');
      expect(Variables.POWERTOOLS_TRACE_ENABLED).toBe(Tracing);
      expect(Variables.LOG_PROMPTS).toBe(LogPrompts);
    }
  });

  it('has alarms for errors, throttles, durations, dead letters and batches', () => {
    const watched = ofType(resources, 'AWS::CloudWatch::Alarm').flatMap(
      ({ properties }) => JSON.stringify(properties).match(/(?<="MetricName":")\w+/g) ?? [],
    );

    expect(new Set(watched)).toEqual(
      new Set(['Errors', 'Throttles', 'Duration', 'ApproximateAgeOfOldestMessage', 'ExecutionsFailed']),
    );
    expect(JSON.stringify(resources.DurationAlarm?.Properties.Metrics)).toMatch(
      /MAX\(.*\) \/ \(10 \* \$\{Timeout\}\)/,
    );
  });

  it('sends every alarm to AlarmEmail if it is set', () => {
    for (const { properties } of ofType(resources, 'AWS::CloudWatch::Alarm')) {
      expect(properties.AlarmActions).toEqual(
        'AlarmEmail' in parameters ? [{ Ref: 'AlarmTopic' }] : undefined,
      );
    }
  });
});

describe('the template', () => {
  it('passes no number as a build argument, because container engines take text only', () => {
    expect(findBuildArgumentsOfType('String')).toContain('Model');
    expect(findBuildArgumentsOfType('Number')).toEqual([]);
  });

  it.each([
    [{ StreamAuth: 'NONE', ReservedConcurrency: 5 }, 'set ApiKeySecretArn'],
    [{ StreamAuth: 'NONE', ApiKeySecretArn: secret }, 'set ReservedConcurrency'],
    [{ ApiKeySecretArn: secret }, 'StreamAuth AWS_IAM uses no API key - remove ApiKeySecretArn'],
    [{ ...publicParameters, RestApi: 'true' }, 'RestApi requires signed requests'],
    [{ SnapStart: 'true', ProvisionedConcurrency: 1 }, 'not both'],
    [{ Architecture: 'riscv64' }, 'arm64 or x86_64'],
    [{ ApiKeySecretArn: 'my-key' }, 'ApiKeySecretArn="my-key"'],
  ])('rejects %o', (parameters, reason) => {
    expect(() => resolveTemplate(parameters)).toThrow(reason);
  });

  it('shows every generation metric on the dashboard', () => {
    const { resources } = resolveTemplate();
    const dashboard = JSON.stringify(resources.Dashboard?.Properties.DashboardBody);
    const source = readFileSync('src/telemetry/powertools/powertools-metrics.ts', 'utf8');
    const names = [...source.matchAll(/addMetric\('(\w+)'/g)].map(([, name]) => name);

    expect(names).toContain('TimeToFirstToken');
    for (const name of names) expect(dashboard).toContain(`\\"${name}\\"`);
  });

  it('has a dashboard body of valid JSON', () => {
    const { resources } = resolveTemplate();
    const body = resources.Dashboard?.Properties.DashboardBody as { 'Fn::Sub': string };

    expect(JSON.parse(body['Fn::Sub'])).toMatchObject({ widgets: expect.any(Array) });
  });
});
