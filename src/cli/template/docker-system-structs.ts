/** Go's structs of Docker 28's client besides those of containers, written like those, and its other named types. Pure data. */
export const systemStructs: Readonly<Record<string, string>> = {
  "storage.DriverData": `
    Data map[string]string
    Name string
  `,
  "v1.Descriptor": `
    MediaType string = mediaType
    Digest digest.Digest = digest
    Size int64 = size
    URLs []string = urls,omitempty
    Annotations map[string]string = annotations,omitempty
    Data []uint8 = data,omitempty
    Platform *v1.Platform = platform,omitempty
    ArtifactType string = artifactType,omitempty
  `,
  "v1.Platform": `
    Architecture string = architecture
    OS string = os
    OSVersion string = os.version,omitempty
    OSFeatures []string = os.features,omitempty
    Variant string = variant,omitempty
  `,
  "image.InspectResponse": `
    ID string = Id
    RepoTags []string
    RepoDigests []string
    Parent string
    Comment string
    Created string = ,omitempty
    Container string = ,omitempty
    ContainerConfig *container.Config = ,omitempty
    DockerVersion string
    Author string
    Config *v1.DockerOCIImageConfig
    Architecture string
    Variant string = ,omitempty
    Os string
    OsVersion string = ,omitempty
    Size int64
    VirtualSize int64 = ,omitempty
    GraphDriver storage.DriverData
    RootFS image.RootFS
    Metadata image.Metadata
    Descriptor *v1.Descriptor = ,omitempty
    Manifests []image.ManifestSummary = ,omitempty
  `,
  "v1.DockerOCIImageConfig": `
    v1.ImageConfig
    v1.DockerOCIImageConfigExt
  `,
  "v1.ImageConfig": `
    User string = ,omitempty
    ExposedPorts map[string]struct {} = ,omitempty
    Env []string = ,omitempty
    Entrypoint []string = ,omitempty
    Cmd []string = ,omitempty
    Volumes map[string]struct {} = ,omitempty
    WorkingDir string = ,omitempty
    Labels map[string]string = ,omitempty
    StopSignal string = ,omitempty
    ArgsEscaped bool = ,omitempty
  `,
  "v1.DockerOCIImageConfigExt": `
    Healthcheck *v1.HealthcheckConfig = ,omitempty
    OnBuild []string = ,omitempty
    Shell []string = ,omitempty
  `,
  "image.RootFS": `
    Type string = ,omitempty
    Layers []string = ,omitempty
  `,
  "image.Metadata": `
    LastTagTime time.Time = ,omitempty
  `,
  "volume.Volume": `
    ClusterVolume *volume.ClusterVolume = ,omitempty
    CreatedAt string = ,omitempty
    Driver string
    Labels map[string]string
    Mountpoint string
    Name string
    Options map[string]string
    Scope string
    Status map[string]interface {} = ,omitempty
    UsageData *volume.UsageData = ,omitempty
  `,
  "volume.UsageData": `
    RefCount int64
    Size int64
  `,
  "system.Info": `
    ID string
    Containers int
    ContainersRunning int
    ContainersPaused int
    ContainersStopped int
    Images int
    Driver string
    DriverStatus [][2]string
    SystemStatus [][2]string = ,omitempty
    Plugins system.PluginsInfo
    MemoryLimit bool
    SwapLimit bool
    KernelMemory bool = ,omitempty
    KernelMemoryTCP bool = ,omitempty
    CPUCfsPeriod bool = CpuCfsPeriod
    CPUCfsQuota bool = CpuCfsQuota
    CPUShares bool
    CPUSet bool
    PidsLimit bool
    IPv4Forwarding bool
    Debug bool
    NFd int
    OomKillDisable bool
    NGoroutines int
    SystemTime string
    LoggingDriver string
    CgroupDriver string
    CgroupVersion string = ,omitempty
    NEventsListener int
    KernelVersion string
    OperatingSystem string
    OSVersion string
    OSType string
    Architecture string
    IndexServerAddress string
    RegistryConfig *registry.ServiceConfig
    NCPU int
    MemTotal int64
    GenericResources []swarm.GenericResource
    DockerRootDir string
    HTTPProxy string = HttpProxy
    HTTPSProxy string = HttpsProxy
    NoProxy string
    Name string
    Labels []string
    ExperimentalBuild bool
    ServerVersion string
    Runtimes map[string]system.RuntimeWithStatus
    DefaultRuntime string
    Swarm swarm.Info
    LiveRestoreEnabled bool
    Isolation container.Isolation
    InitBinary string
    ContainerdCommit system.Commit
    RuncCommit system.Commit
    InitCommit system.Commit
    SecurityOptions []string
    ProductLicense string = ,omitempty
    DefaultAddressPools []system.NetworkAddressPool = ,omitempty
    FirewallBackend *system.FirewallInfo = ,omitempty
    CDISpecDirs []string
    DiscoveredDevices []system.DeviceInfo = ,omitempty
    Containerd *system.ContainerdInfo = ,omitempty
    Warnings []string
  `,
  "system.PluginsInfo": `
    Volume []string
    Network []string
    Authorization []string
    Log []string
  `,
  "registry.ServiceConfig": `
    AllowNondistributableArtifactsCIDRs []*registry.NetIPNet = ,omitempty
    AllowNondistributableArtifactsHostnames []string = ,omitempty
    InsecureRegistryCIDRs []*registry.NetIPNet
    IndexConfigs map[string]*registry.IndexInfo
    Mirrors []string
    ExtraFields map[string]interface {} = -
  `,
  "registry.IndexInfo": `
    Name string
    Mirrors []string
    Secure bool
    Official bool
  `,
  "system.RuntimeWithStatus": `
    system.Runtime
    Status map[string]string = status,omitempty
  `,
  "system.Runtime": `
    Path string = path,omitempty
    Args []string = runtimeArgs,omitempty
    Type string = runtimeType,omitempty
    Options map[string]interface {} = options,omitempty
  `,
  "swarm.Info": `
    NodeID string
    NodeAddr string
    LocalNodeState swarm.LocalNodeState
    ControlAvailable bool
    Error string
    RemoteManagers []swarm.Peer
    Nodes int = ,omitempty
    Managers int = ,omitempty
    Cluster *swarm.ClusterInfo = ,omitempty
    Warnings []string = ,omitempty
  `,
  "swarm.Peer": `
    NodeID string
    Addr string
  `,
  "system.Commit": `
    ID string
    Expected string = ,omitempty
  `,
  "system.NetworkAddressPool": `
    Base string
    Size int
  `,
  "system.FirewallInfo": `
    Driver string
    Info [][2]string = ,omitempty
  `,
  "system.DeviceInfo": `
    Source string
    ID string
  `,
  "system.ContainerdInfo": `
    Address string = ,omitempty
    Namespaces system.ContainerdNamespaces
  `,
  "system.ContainerdNamespaces": `
    Containers string
    Plugins string
  `,
  "types.Version": `
    Platform struct { Name string } = ,omitempty
    Components []types.ComponentVersion = ,omitempty
    Version string
    APIVersion string = ApiVersion
    MinAPIVersion string = ,omitempty
    GitCommit string
    GoVersion string
    Os string
    Arch string
    KernelVersion string = ,omitempty
    Experimental bool = ,omitempty
    BuildTime string = ,omitempty
  `,
  "types.ComponentVersion": `
    Name string
    Version string
    Details map[string]string = ,omitempty
  `,
  "events.Message": `
    Status string = status,omitempty
    ID string = id,omitempty
    From string = from,omitempty
    Type events.Type
    Action events.Action
    Actor events.Actor
    Scope string = scope,omitempty
    Time int64 = time,omitempty
    TimeNano int64 = timeNano,omitempty
  `,
  "events.Actor": `
    ID string
    Attributes map[string]string
  `,
  "system.dockerInfo": `
    *system.Info = ,omitempty
    ServerErrors []string = ,omitempty
    UserName string = -
    ClientInfo *system.clientInfo = ,omitempty
    ClientErrors []string = ,omitempty
  `,
  "system.clientInfo": `
    Debug bool
    system.clientVersion
    Plugins []manager.Plugin
    Warnings []string
  `,
  "system.versionInfo": `
    Client system.clientVersion
    Server *types.Version
  `,
  "system.clientVersion": `
    Platform *system.platformInfo = ,omitempty
    Version string = ,omitempty
    APIVersion string = ApiVersion,omitempty
    DefaultAPIVersion string = ,omitempty
    GitCommit string = ,omitempty
    GoVersion string = ,omitempty
    Os string = ,omitempty
    Arch string = ,omitempty
    BuildTime string = ,omitempty
    Context string
  `,
  "system.platformInfo": `
    Name string = ,omitempty
  `,
  "struct { Name string }": `
    Name string
  `,
};

/** Named types that are no structs, and what each is made of. */
export const namedTypes: Readonly<Record<string, string>> = {
  "container.NetworkMode": "string",
  "nat.PortMap": "map[nat.Port][]nat.PortBinding",
  "container.RestartPolicyMode": "string",
  "strslice.StrSlice": "[]string",
  "container.CgroupnsMode": "string",
  "container.IpcMode": "string",
  "container.CgroupSpec": "string",
  "container.PidMode": "string",
  "container.UTSMode": "string",
  "container.UsernsMode": "string",
  "container.Isolation": "string",
  "mount.Type": "string",
  "mount.Consistency": "string",
  "mount.Propagation": "string",
  "fs.FileMode": "uint32",
  "nat.PortSet": "map[nat.Port]struct {}",
  "digest.Digest": "string",
  "swarm.LocalNodeState": "string",
  "events.Type": "string",
  "events.Action": "string",
  "nat.Port": "string",
  "registry.NetIPNet": "string",
};
