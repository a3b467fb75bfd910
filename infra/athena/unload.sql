-- narrow.sql as JSON lines, packed by gzip, into a folder that is empty: `portcullis replay s3://BUCKET/unloaded/` reads them.
UNLOAD (
  SELECT
    eventversion,
    useridentity,
    eventtime,
    eventtype,
    eventsource,
    eventname,
    awsregion,
    sourceipaddress,
    useragent,
    sessioncredentialfromconsole,
    requestparameters,
    responseelements,
    eventid,
    recipientaccountid
  FROM portcullis_trail
  WHERE day BETWEEN '2026/01/01' AND '2026/12/31'
    AND eventsource IN ('ec2.amazonaws.com', 'elasticache.amazonaws.com')
    AND eventname IN (
      'AuthorizeSecurityGroupIngress',
      'ModifySecurityGroupRules',
      'ModifyNetworkInterfaceAttribute',
      'ModifyInstanceAttribute',
      'AssociateSecurityGroupVpc',
      'ModifyManagedPrefixList',
      'RestoreManagedPrefixListVersion',
      'RevokeSecurityGroupIngress',
      'AuthorizeSecurityGroupEgress',
      'CreateSecurityGroup',
      'DeleteSecurityGroup',
      'CreateTags',
      'DeleteTags',
      'CreateCacheCluster',
      'CreateReplicationGroup',
      'CreateServerlessCache',
      'ModifyCacheCluster',
      'ModifyReplicationGroup',
      'ModifyServerlessCache',
      'DeleteCacheCluster',
      'DeleteReplicationGroup',
      'DeleteServerlessCache'
    )
    AND (eventname NOT IN ('CreateTags', 'DeleteTags') OR requestparameters LIKE '%"sg-%')
    AND errorcode IS NULL
)
TO 's3://BUCKET/unloaded/'
WITH (format = 'JSON', compression = 'GZIP')
