"""Where the public names of bevel.numpy live: module → names. The front page finds them here when first asked."""

PLACES = {
    "arithmetic": """
        abs absolute divide divmod fabs float_power floor_divide fmod mod positive pow power reciprocal remainder sign
        square true_divide
    """,
    "averages": "average mean std var",
    "bits": """
        bitwise_invert bitwise_left_shift bitwise_not bitwise_right_shift invert left_shift packbits right_shift
        unpackbits
    """,
    "broadcasting": "atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_shapes broadcast_to",
    "choosing": "clip nan_to_num piecewise select where",
    "comparison": "allclose array_equal array_equiv isclose",
    "complex_numbers": "angle conj conjugate imag real",
    "constants": """
        ComplexWarning bfloat16 bool bool_ cdouble character complex128 complex64 complex_ complexfloating csingle
        double dtype e euler_gamma finfo flexible float16 float32 float4_e2m1fn float64 float6_e2m3fn float6_e3m2fn
        float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz
        float8_e8m0fnu float_ floating generic get_printoptions iinfo inexact inf int1 int16 int2 int32 int4 int64 int8
        int_ integer isdtype issubdtype nan newaxis number object_ pi printoptions set_printoptions signedinteger single
        uint uint1 uint16 uint2 uint32 uint4 uint64 uint8 unsignedinteger
    """,
    "contractions": "einsum einsum_path",
    "convolutions": "convolve correlate",
    "counting": "bincount histogram histogram2d histogram_bin_edges histogramdd",
    "creation": "array asarray copy",
    "cumulative": "cumprod cumsum cumulative_prod cumulative_sum diff ediff1d gradient nancumprod nancumsum trapezoid",
    "data_types": "astype can_cast iscomplexobj isrealobj isscalar iterable promote_types result_type view",
    "exchange": "from_dlpack",
    "exponentials": "cbrt exp exp2 expm1 log log10 log1p log2 sqrt",
    "files": "frombuffer fromfile fromiter fromstring load save savez",
    "filled": "empty empty_like fromfunction full full_like ones ones_like zeros zeros_like",
    "fitting": "polyfit",
    "grids": "c_ index_exp indices ix_ meshgrid mgrid ogrid r_ s_",
    "inserting": "delete insert trim_zeros",
    "interpolation": "interp",
    "joining": "append block column_stack concat concatenate dstack hstack stack vstack",
    "logic": "iscomplex isfinite isinf isnan isneginf isposinf isreal logical_not signbit",
    "matrices": """
        diag diag_indices diag_indices_from diagflat diagonal eye fill_diagonal identity mask_indices trace tri tril
        tril_indices tril_indices_from triu triu_indices triu_indices_from vander
    """,
    "namespace": "__array_api_version__ __array_namespace_info__",
    "nan_reductions": "nanargmax nanargmin nanmax nanmean nanmin nanprod nanstd nansum nanvar",
    "number_parts": "bitwise_count copysign frexp gcd lcm ldexp modf nextafter spacing",
    "order": "equal fmax fmin greater greater_equal heaviside less less_equal not_equal",
    "padding": "pad",
    "picking": "choose compress extract place put put_along_axis ravel_multi_index take take_along_axis unravel_index",
    "polynomials": "poly polyadd polyder polydiv polyint polymul polysub polyval roots",
    "products": "cross dot inner kron matmul matvec outer tensordot vdot vecdot vecmat",
    "ranges": "arange geomspace linspace logspace",
    "rearranging": "flip fliplr flipud roll rot90",
    "reductions": "all amax amin any argmax argmin count_nonzero max min prod ptp sum",
    "repeating": "repeat resize tile",
    "rounding": "around ceil floor rint round trunc",
    "searching": """
        argpartition argsort argwhere digitize flatnonzero lexsort nonzero partition searchsorted sort sort_complex
    """,
    "sets": "intersect1d isin setdiff1d setxor1d union1d unique unique_all unique_counts unique_inverse unique_values",
    "shapes": """
        expand_dims matrix_transpose moveaxis ndim permute_dims ravel reshape rollaxis shape size squeeze swapaxes
        transpose unstack
    """,
    "signals": "bartlett blackman hamming hanning i0 kaiser sinc unwrap",
    "splitting": "array_split dsplit hsplit split vsplit",
    "statistics": "corrcoef cov median nanmedian nanpercentile nanquantile percentile quantile",
    "texts": "array_repr array_str",
    "trigonometry": """
        acos acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh cos cosh deg2rad
        degrees hypot rad2deg radians sin sinh tan tanh
    """,
    "ufuncs": """
        add bitwise_and bitwise_or bitwise_xor frompyfunc logaddexp logaddexp2 logical_and logical_or logical_xor
        maximum minimum multiply negative subtract ufunc
    """,
    "vectorized": "apply_along_axis apply_over_axes vectorize",
    "fft": "",
    "linalg": "",
}
