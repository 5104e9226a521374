/**
 * Go's structs of Docker 28's client for containers and networks: the fields in their order, with their types and, behind `=`, the
 * name in JSON where it is another one. A line with nothing but a type is an embedded struct. Pure data.
 */
export const containerStructs: Readonly<Record<string, string>> = {
  "container.InspectResponse": `
    *container.ContainerJSONBase
    Mounts []container.MountPoint
    Config *container.Config
    NetworkSettings *container.NetworkSettings
    ImageManifestDescriptor *v1.Descriptor = ,omitempty
  `,
  "container.ContainerJSONBase": `
    ID string = Id
    Created string
    Path string
    Args []string
    State *container.State
    Image string
    ResolvConfPath string
    HostnamePath string
    HostsPath string
    LogPath string
    Name string
    RestartCount int
    Driver string
    Platform string
    MountLabel string
    ProcessLabel string
    AppArmorProfile string
    ExecIDs []string
    HostConfig *container.HostConfig
    GraphDriver storage.DriverData
    SizeRw *int64 = ,omitempty
    SizeRootFs *int64 = ,omitempty
  `,
  "container.State": `
    Status string
    Running bool
    Paused bool
    Restarting bool
    OOMKilled bool
    Dead bool
    Pid int
    ExitCode int
    Error string
    StartedAt string
    FinishedAt string
    Health *container.Health = ,omitempty
  `,
  "container.Health": `
    Status string
    FailingStreak int
    Log []*container.HealthcheckResult
  `,
  "container.HealthcheckResult": `
    Start time.Time
    End time.Time
    ExitCode int
    Output string
  `,
  "container.HostConfig": `
    Binds []string
    ContainerIDFile string
    LogConfig container.LogConfig
    NetworkMode container.NetworkMode
    PortBindings nat.PortMap
    RestartPolicy container.RestartPolicy
    AutoRemove bool
    VolumeDriver string
    VolumesFrom []string
    ConsoleSize [2]uint
    Annotations map[string]string = ,omitempty
    CapAdd strslice.StrSlice
    CapDrop strslice.StrSlice
    CgroupnsMode container.CgroupnsMode
    DNS []string = Dns
    DNSOptions []string = DnsOptions
    DNSSearch []string = DnsSearch
    ExtraHosts []string
    GroupAdd []string
    IpcMode container.IpcMode
    Cgroup container.CgroupSpec
    Links []string
    OomScoreAdj int
    PidMode container.PidMode
    Privileged bool
    PublishAllPorts bool
    ReadonlyRootfs bool
    SecurityOpt []string
    StorageOpt map[string]string = ,omitempty
    Tmpfs map[string]string = ,omitempty
    UTSMode container.UTSMode
    UsernsMode container.UsernsMode
    ShmSize int64
    Sysctls map[string]string = ,omitempty
    Runtime string = ,omitempty
    Isolation container.Isolation
    container.Resources
    Mounts []mount.Mount = ,omitempty
    MaskedPaths []string
    ReadonlyPaths []string
    Init *bool = ,omitempty
  `,
  "container.LogConfig": `
    Type string
    Config map[string]string
  `,
  "container.RestartPolicy": `
    Name container.RestartPolicyMode
    MaximumRetryCount int
  `,
  "container.Resources": `
    CPUShares int64 = CpuShares
    Memory int64
    NanoCPUs int64 = NanoCpus
    CgroupParent string
    BlkioWeight uint16
    BlkioWeightDevice []*blkiodev.WeightDevice
    BlkioDeviceReadBps []*blkiodev.ThrottleDevice
    BlkioDeviceWriteBps []*blkiodev.ThrottleDevice
    BlkioDeviceReadIOps []*blkiodev.ThrottleDevice
    BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice
    CPUPeriod int64 = CpuPeriod
    CPUQuota int64 = CpuQuota
    CPURealtimePeriod int64 = CpuRealtimePeriod
    CPURealtimeRuntime int64 = CpuRealtimeRuntime
    CpusetCpus string
    CpusetMems string
    Devices []container.DeviceMapping
    DeviceCgroupRules []string
    DeviceRequests []container.DeviceRequest
    KernelMemory int64 = ,omitempty
    KernelMemoryTCP int64 = ,omitempty
    MemoryReservation int64
    MemorySwap int64
    MemorySwappiness *int64
    OomKillDisable *bool
    PidsLimit *int64
    Ulimits []*units.Ulimit
    CPUCount int64 = CpuCount
    CPUPercent int64 = CpuPercent
    IOMaximumIOps uint64
    IOMaximumBandwidth uint64
  `,
  "blkiodev.WeightDevice": `
    Path string
    Weight uint16
  `,
  "blkiodev.ThrottleDevice": `
    Path string
    Rate uint64
  `,
  "container.DeviceMapping": `
    PathOnHost string
    PathInContainer string
    CgroupPermissions string
  `,
  "container.DeviceRequest": `
    Driver string
    Count int
    DeviceIDs []string
    Capabilities [][]string
    Options map[string]string
  `,
  "units.Ulimit": `
    Name string
    Hard int64
    Soft int64
  `,
  "mount.Mount": `
    Type mount.Type = ,omitempty
    Source string = ,omitempty
    Target string = ,omitempty
    ReadOnly bool = ,omitempty
    Consistency mount.Consistency = ,omitempty
    BindOptions *mount.BindOptions = ,omitempty
    VolumeOptions *mount.VolumeOptions = ,omitempty
    ImageOptions *mount.ImageOptions = ,omitempty
    TmpfsOptions *mount.TmpfsOptions = ,omitempty
    ClusterOptions *mount.ClusterOptions = ,omitempty
  `,
  "mount.BindOptions": `
    Propagation mount.Propagation = ,omitempty
    NonRecursive bool = ,omitempty
    CreateMountpoint bool = ,omitempty
    ReadOnlyNonRecursive bool = ,omitempty
    ReadOnlyForceRecursive bool = ,omitempty
  `,
  "mount.VolumeOptions": `
    NoCopy bool = ,omitempty
    Labels map[string]string = ,omitempty
    Subpath string = ,omitempty
    DriverConfig *mount.Driver = ,omitempty
  `,
  "mount.Driver": `
    Name string = ,omitempty
    Options map[string]string = ,omitempty
  `,
  "mount.ImageOptions": `
    Subpath string = ,omitempty
  `,
  "mount.TmpfsOptions": `
    SizeBytes int64 = ,omitempty
    Mode fs.FileMode = ,omitempty
    Options [][]string = ,omitempty
  `,
  "mount.ClusterOptions": `
  `,
  "container.MountPoint": `
    Type mount.Type = ,omitempty
    Name string = ,omitempty
    Source string
    Destination string
    Driver string = ,omitempty
    Mode string
    RW bool
    Propagation mount.Propagation
  `,
  "container.Config": `
    Hostname string
    Domainname string
    User string
    AttachStdin bool
    AttachStdout bool
    AttachStderr bool
    ExposedPorts nat.PortSet = ,omitempty
    Tty bool
    OpenStdin bool
    StdinOnce bool
    Env []string
    Cmd strslice.StrSlice
    Healthcheck *v1.HealthcheckConfig = ,omitempty
    ArgsEscaped bool = ,omitempty
    Image string
    Volumes map[string]struct {}
    WorkingDir string
    Entrypoint strslice.StrSlice
    NetworkDisabled bool = ,omitempty
    MacAddress string = ,omitempty
    OnBuild []string
    Labels map[string]string
    StopSignal string = ,omitempty
    StopTimeout *int = ,omitempty
    Shell strslice.StrSlice = ,omitempty
  `,
  "v1.HealthcheckConfig": `
    Test []string = ,omitempty
    Interval time.Duration = ,omitempty
    Timeout time.Duration = ,omitempty
    StartPeriod time.Duration = ,omitempty
    StartInterval time.Duration = ,omitempty
    Retries int = ,omitempty
  `,
  "container.NetworkSettings": `
    container.NetworkSettingsBase
    container.DefaultNetworkSettings
    Networks map[string]*network.EndpointSettings
  `,
  "container.NetworkSettingsBase": `
    Bridge string
    SandboxID string
    SandboxKey string
    Ports nat.PortMap
    HairpinMode bool
    LinkLocalIPv6Address string
    LinkLocalIPv6PrefixLen int
    SecondaryIPAddresses []network.Address
    SecondaryIPv6Addresses []network.Address
  `,
  "network.Address": `
    Addr string
    PrefixLen int
  `,
  "container.DefaultNetworkSettings": `
    EndpointID string
    Gateway string
    GlobalIPv6Address string
    GlobalIPv6PrefixLen int
    IPAddress string
    IPPrefixLen int
    IPv6Gateway string
    MacAddress string
  `,
  "network.EndpointSettings": `
    IPAMConfig *network.EndpointIPAMConfig
    Links []string
    Aliases []string
    MacAddress string
    DriverOpts map[string]string
    GwPriority int
    NetworkID string
    EndpointID string
    Gateway string
    IPAddress string
    IPPrefixLen int
    IPv6Gateway string
    GlobalIPv6Address string
    GlobalIPv6PrefixLen int
    DNSNames []string
  `,
  "network.EndpointIPAMConfig": `
    IPv4Address string = ,omitempty
    IPv6Address string = ,omitempty
    LinkLocalIPs []string = ,omitempty
  `,
  "network.Inspect": `
    Name string
    ID string = Id
    Created time.Time
    Scope string
    Driver string
    EnableIPv4 bool
    EnableIPv6 bool
    IPAM network.IPAM
    Internal bool
    Attachable bool
    Ingress bool
    ConfigFrom network.ConfigReference
    ConfigOnly bool
    Containers map[string]network.EndpointResource
    Options map[string]string
    Labels map[string]string
    Peers []network.PeerInfo = ,omitempty
    Services map[string]network.ServiceInfo = ,omitempty
  `,
  "network.IPAM": `
    Driver string
    Options map[string]string
    Config []network.IPAMConfig
  `,
  "network.IPAMConfig": `
    Subnet string = ,omitempty
    IPRange string = ,omitempty
    Gateway string = ,omitempty
    AuxAddress map[string]string = AuxiliaryAddresses,omitempty
  `,
  "network.ConfigReference": `
    Network string
  `,
  "network.EndpointResource": `
    Name string
    EndpointID string
    MacAddress string
    IPv4Address string
    IPv6Address string
  `,
  "network.PeerInfo": `
    Name string
    IP string
  `,
  "network.ServiceInfo": `
    VIP string
    Ports []string
    LocalLBIndex int
    Tasks []network.Task
  `,
  "network.Task": `
    Name string
    EndpointID string
    EndpointIP string
    Info map[string]string
  `,
  "nat.PortBinding": `
    HostIP string = HostIp
    HostPort string
  `,
};
